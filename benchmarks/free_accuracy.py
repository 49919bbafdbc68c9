"""Measures what several views of a photo and the values of earlier layers gain, by cross-validation, and their cost.

    python -m benchmarks.free_accuracy --photos=tf_files/flower_photos --architecture=mobilenet_0.50_224

All are judged on the same folds, each photo by a classifier that was trained without it, so that they are compared
photo by photo. Prints a Markdown table.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks.tools import figures, study as folds
from scripts.classifier.backbones import several_views, table
from scripts.classifier.backbones.network import Network
from scripts.classifier.errors import UserError
from scripts.classifier.training import accuracy
from scripts.classifier.training.final_layer import Recipe
from scripts.console import command_line

FLAGS = flags.FLAGS
flags.DEFINE_string("photos", "tf_files/flower_photos", "The folder of photos: one folder for each label.")
flags.DEFINE_string("model_dir", "tf_files/models", "Where pretrained networks are kept.")
flags.DEFINE_string("architecture", "mobilenet_0.50_224", "The pretrained network that photos go through.")
flags.DEFINE_integer("steps", Recipe.steps, "How many training steps are taken.", 1)
flags.DEFINE_integer("folds", 5, "Into how many parts the photos are dealt, each judged by what the others taught.", 2)
flags.DEFINE_integer("rounds", 20, "How often one photo's way through the network is timed.", 1)

_PHOTOS_A_ROUND = 10


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    table.resolve(FLAGS.architecture)
    if not Path(FLAGS.photos).is_dir():
        raise UserError(f"{FLAGS.photos} is no folder: give a folder of photos")
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as temporary:
        studies = {
            _name(bottleneck, views): folds.Study(
                Path(temporary),
                Path(FLAGS.photos),
                Path(FLAGS.model_dir),
                FLAGS.architecture,
                FLAGS.steps,
                0.95,
                bottleneck,
                views,
            )
            for views in several_views.COUNTS
            for bottleneck in table.BOTTLENECKS
        }
        right = {}
        for name, study in studies.items():
            print(name, file=sys.stderr, flush=True)
            right[name] = np.concatenate([study.right(held_out) for held_out in study.deal(FLAGS.folds)])
        times = figures.alternated({name: _timer(study) for name, study in studies.items()}, FLAGS.rounds)
    first, total = next(iter(right)), len(study.lists.photos)
    print(
        f"{FLAGS.architecture}, {total} photos of {len(study.lists.labels)} labels, {FLAGS.folds} folds, "
        f"{FLAGS.steps} steps",
        end="\n\n",
    )
    print("| | values | ms a photo | accuracy | 95 % interval | gain, with its 95 % interval |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, study in studies.items():
        low, high = accuracy.interval_95(int(right[name].sum()), total)
        print(
            f"| {name} | {study.backbone.bottleneck_size:,} | {np.median(times[name]):.2f} | "
            f"{100 * right[name].mean():.1f} % | {100 * low:.1f} to {100 * high:.1f} % | "
            f"{_gain(right[name], right[first]) if name != first else ''} |"
        )


def _name(bottleneck: str, views: int) -> str:
    """The flags that make retrain do it."""
    given = [f"--views={views}"] * (views > 1) + [f"--bottleneck={bottleneck}"] * (bottleneck != table.LAST)
    return " ".join(given) or "one view"


def _timer(study: folds.Study):
    """Milliseconds of processor time that one photo takes, on the engine that retrain uses."""
    network = Network(study.backbone, "float32")
    run, size = network.runner(), study.backbone.input_size
    batch = np.random.default_rng(0).uniform(-1, 1, (network.batch, size, size, 3)).astype(np.float32)

    def measure() -> float:
        start = time.process_time()
        for _ in range(_PHOTOS_A_ROUND):
            run(batch)
        return 1000 * (time.process_time() - start) / _PHOTOS_A_ROUND / network.batch

    return measure


def _gain(right: np.ndarray, before: np.ndarray) -> str:
    """Of the same photos: what they have in common does not count as uncertainty."""
    differences = right.astype(float) - before
    half = 1.96 * differences.std(ddof=1) / np.sqrt(len(differences))
    mean = differences.mean()
    return f"{100 * mean:+.1f} ({100 * (mean - half):+.1f} to {100 * (mean + half):+.1f})"


if __name__ == "__main__":
    command_line.run(main)
