"""Measures how fast this machine retrains, and holds each figure against what it should be.

    python -m benchmarks.retraining --photos=tf_files/flower_photos --model_dir=tf_files/models

Prints one Markdown table. Takes several minutes; what else the machine does meanwhile shows in the figures.
"""

import tempfile
from pathlib import Path

from absl import flags

from benchmarks import commands, extraction, inception, memory, training
from benchmarks.tools import parts
from benchmarks.tools.workbench import Workbench
from scripts.classifier.backbones import table
from scripts.console import command_line

FLAGS = flags.FLAGS
flags.DEFINE_string("photos", "tf_files/flower_photos", "One folder of JPEG photos for each label.")
flags.DEFINE_string("model_dir", "tf_files/models", "Where pretrained networks are kept.")
flags.DEFINE_string("architecture", "mobilenet_0.25_224", "The pretrained network that photos go through.")
flags.DEFINE_integer("count", 3670, "How many photos there shall be, made of those in --photos.", 20)
flags.DEFINE_integer("steps", 4000, "How many training steps are taken.", 1)
flags.DEFINE_integer("rounds", 3, "How often each thing is measured; the median counts.", 1)
flags.DEFINE_integer("inception_photos", 64, "How many pictures Inception V3 is given a round.", 1)
flags.DEFINE_list("memory_photos", ["10000", "100000"], "Over how many bottlenecks memory is measured.")
# Memory is last: what it writes to the disk would disturb the others.
_PARTS = {
    "retrain": commands.retrain,
    "extraction": extraction.extraction,
    "inception": lambda bench: inception.inception(bench, FLAGS.inception_photos),
    "training": training.training,
    "hidden_layer": training.hidden_layer,
    "label_image": commands.label_image,
    "memory": lambda bench: memory.memory(bench, _memory_photos()),
}
flags.DEFINE_list("only", list(_PARTS), "Which of them to measure.")


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    table.resolve(FLAGS.architecture)
    parts.check(FLAGS.only, _PARTS)
    _memory_photos()
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as folder:
        bench = Workbench(
            Path(folder),
            Path(FLAGS.photos),
            Path(FLAGS.model_dir),
            FLAGS.architecture,
            FLAGS.count,
            FLAGS.steps,
            FLAGS.rounds,
        )
        parts.report(FLAGS.only, _PARTS, bench)


def _memory_photos() -> list[int]:
    return parts.counts("memory_photos", FLAGS.memory_photos, 10)


if __name__ == "__main__":
    command_line.run(main)
