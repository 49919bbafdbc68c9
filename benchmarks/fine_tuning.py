"""Measures what fine-tuning gains, and what it costs, by cross-validation.

    python -m benchmarks.fine_tuning --photos=tf_files/flower_photos --architecture=mobilenet_0.50_224

Each photo is judged once, by classifiers that were trained without it: one on the frozen network, and one that goes on
from there with the network's own weights. Prints a Markdown table.
"""

import math
import sys
import tempfile
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks.tools import study as folds
from scripts.classifier.backbones import table
from scripts.classifier.errors import UserError
from scripts.classifier.training import accuracy
from scripts.classifier.training.fine_tuning.tuner import Tuning
from scripts.classifier.training.recipe import Recipe
from scripts.console import command_line, progress

FLAGS = flags.FLAGS
flags.DEFINE_string("photos", "tf_files/flower_photos", "The folder of photos: one folder for each label.")
flags.DEFINE_string("model_dir", "tf_files/models", "Where pretrained networks are kept.")
flags.DEFINE_string("architecture", "mobilenet_0.50_224", "The pretrained network that photos go through.")
flags.DEFINE_integer("steps", Recipe.steps, "How many steps the final layer is trained before.", 1)
flags.DEFINE_integer("fine_tune_steps", 300, "How many steps of fine-tuning are taken.", 1)
flags.DEFINE_float("fine_tune_learning_rate", Tuning.learning_rate, "How far such a step goes.", 0)
flags.DEFINE_string("fine_tune_from", None, "The layer before which the network stays as it is.")
flags.DEFINE_integer("folds", 5, "Into how many parts the photos are dealt, each judged by what the others taught.", 2)


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    table.resolve(FLAGS.architecture)
    if not Path(FLAGS.photos).is_dir():
        raise UserError(f"{FLAGS.photos} is no folder: give a folder of photos")
    tuning = Tuning(FLAGS.fine_tune_steps, FLAGS.fine_tune_learning_rate, FLAGS.fine_tune_from)
    before, after, seconds = [], [], []
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as temporary:
        study = folds.Study(
            Path(temporary), Path(FLAGS.photos), Path(FLAGS.model_dir), FLAGS.architecture, FLAGS.steps, 0.95
        )
        for number, held_out in enumerate(study.deal(FLAGS.folds), 1):
            frozen, tuned, took = study.fine_tune(
                held_out, tuning, lambda total: progress.show("fine-tuning", total, "", quiet=True)
            )
            before.append(frozen.truth == frozen.guesses)
            after.append(tuned.truth == tuned.guesses)
            seconds.append(took)
            print(
                f"fold {number} of {FLAGS.folds}: {100 * frozen.accuracy:.1f} %, then {100 * tuned.accuracy:.1f} %, "
                f"{took:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    _print(np.concatenate(before), np.concatenate(after), seconds, len(study.lists.labels))


def _print(before: np.ndarray, after: np.ndarray, seconds: list[float], labels: int) -> None:
    total = len(before)
    print(
        f"{FLAGS.architecture}, {total} photos of {labels} labels, {FLAGS.folds} folds, {FLAGS.steps} steps, then "
        f"{FLAGS.fine_tune_steps} of fine-tuning",
        end="\n\n",
    )
    print("| network | accuracy | 95 % interval | seconds |\n|---|--:|--:|--:|")
    for name, right, cost in (("frozen", before, 0.0), ("fine-tuned", after, float(np.mean(seconds)))):
        low, high = accuracy.interval_95(int(right.sum()), total)
        print(f"| {name} | {100 * right.mean():.1f} % | {100 * low:.1f} to {100 * high:.1f} % | {cost:.0f} |")
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    print(
        f"\n{gained} photos are right only after it, {lost} only before it; chance alone would gain as many in "
        f"{100 * _chance(gained, lost):.2g} of 100 cases"
    )


def _chance(gained: int, lost: int) -> float:
    """The sign test: how likely a fair coin gives at least `gained` heads in all these throws."""
    throws = gained + lost
    return sum(math.comb(throws, heads) for heads in range(gained, throws + 1)) / 2**throws


if __name__ == "__main__":
    command_line.run(main)
