"""Compares pretrained networks by cross-validation: accuracy, time, and what 8 bits cost.

    python -m benchmarks.networks --photos=tf_files/flower_photos --architectures=efficientnet_lite0,mobilenet_1.0_224

Each photo is judged once, by a classifier trained without it, as a graph and as a .tflite file in 8 bits. Networks
that are not in --model_dir are downloaded. Prints a Markdown table.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.tools import figures, shared_flags
from benchmarks.tools.study import Study, first_labels, share
from scripts.classifier.backbones import table
from scripts.classifier.backbones.efficientnet_lite import SIZES
from scripts.classifier.formats import kinds
from scripts.classifier.training.final_layer import FinalLayer
from scripts.console import command_line, flags

FLAGS = flags.FLAGS
shared_flags.define_photos()
shared_flags.define_folds()
flags.DEFINE_list("architectures", [size.name for size in SIZES], "The pretrained networks.")
flags.DEFINE_integer("rounds", 20, "Number of times each network is timed.", 1)

_CALIBRATION_PHOTOS = 100


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    names = [table.resolve(name) for name in FLAGS.architectures]
    photos = shared_flags.existing(FLAGS.photos)
    rows = []
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as temporary:
        studies = [Study(Path(temporary), photos, Path(FLAGS.model_dir), name, FLAGS.steps) for name in names]
        times = figures.alternated({study.architecture: study.timer() for study in studies}, FLAGS.rounds)
        for study in studies:
            rows.append(_row(study, float(np.median(times[study.architecture]))))
        title = f"{len(studies[0].lists.photos)} photos of {len(studies[0].lists.labels)} labels"
    print(f"{title}, {FLAGS.folds} folds, {FLAGS.steps} steps", end="\n\n")
    print("| network | pixels | values | ms per photo | accuracy | 95 % interval |", end="")
    print(" int8 .tflite | its accuracy | 95 % interval | same first label |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    print(*rows, sep="\n")


def _row(study: Study, milliseconds: float) -> str:
    right = small_right = same = 0
    sizes = []
    total = len(study.lists.photos)
    for number, held_out in enumerate(study.deal(FLAGS.folds), 1):
        print(f"{study.architecture}, fold {number} of {FLAGS.folds}", file=sys.stderr, flush=True)
        training, validation, testing = map(study.examples, (*study.rest(held_out), held_out))
        layer = study.learn(training, validation).layer
        firsts = layer.probabilities(testing.vectors.take(np.arange(len(testing)))).argmax(1)
        small = _write_int8(study, layer, training.paths[:_CALIBRATION_PHOTOS])
        sizes.append(small.stat().st_size / 1e6)
        small_firsts = first_labels(small, [study.photos / path for path in testing.paths])
        right += int((firsts == testing.labels).sum())
        small_right += int((small_firsts == testing.labels).sum())
        same += int((small_firsts == firsts).sum())
    backbone = study.backbone
    return (
        f"| {study.architecture} | {backbone.input_size} | {backbone.bottleneck_size:,} | {milliseconds:.1f} | "
        f"{share(right, total)} | {np.mean(sizes):.1f} MB | {share(small_right, total)} | {100 * same / total:.1f} % |"
    )


def _write_int8(study: Study, layer: FinalLayer, sample_photos: Sequence[str]) -> Path:
    contents = study.contents(layer)
    take = contents.preprocessing
    samples = (take.apply((study.photos / photo).read_bytes()) for photo in sample_photos)
    path = study.folder / "int8.tflite"
    kinds.write(kinds.TFLITE, path, contents, "int8", samples)
    return path


if __name__ == "__main__":
    command_line.run(main)
