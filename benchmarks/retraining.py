"""Measures how fast this machine retrains, and compares each figure with its target.

    python -m benchmarks.retraining --photos=tf_files/flower_photos --model_dir=tf_files/models

Prints one Markdown table. Takes several minutes. Other load on the machine makes the figures worse.
"""

import tempfile
from pathlib import Path

from benchmarks import commands, extraction, training
from benchmarks.tools import parts, shared_flags
from scripts.console import command_line, flags

FLAGS = flags.FLAGS
shared_flags.define_network()
shared_flags.define_work(count=3670, steps=4000, rounds=3)
flags.DEFINE_integer("inception_photos", 64, "Number of pictures per round for Inception V3.", 1)
flags.DEFINE_list("memory_photos", ["10000", "100000"], "Numbers of bottlenecks to measure memory with.")
# Memory is last: its writes to the disk would disturb the others.
_PARTS = {
    "retrain": commands.retrain,
    "extraction": extraction.extraction,
    "inception": lambda bench: extraction.inception(bench, FLAGS.inception_photos),
    "training": training.training,
    "hidden_layer": training.hidden_layer,
    "label_image": commands.label_image,
    "memory": lambda bench: training.memory(bench, _memory_photos()),
}
flags.DEFINE_list("only", list(_PARTS), "The parts to measure.")


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    parts.check(FLAGS.only, _PARTS)
    _memory_photos()
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as folder:
        bench = shared_flags.workbench(Path(folder), FLAGS.steps, FLAGS.rounds)
        parts.report(lambda: parts.measure(FLAGS.only, _PARTS, bench))


def _memory_photos() -> list[int]:
    return parts.counts("memory_photos", FLAGS.memory_photos, 10)


if __name__ == "__main__":
    command_line.run(main)
