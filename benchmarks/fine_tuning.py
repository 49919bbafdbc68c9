"""Measures the gain and the cost of fine-tuning, by cross-validation.

    python -m benchmarks.fine_tuning --photos=tf_files/flower_photos

Each photo is judged once, by two classifiers trained without it: one on the frozen network, and one that continues from
there and also trains the network's weights. Prints a Markdown table.
"""

import math
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from benchmarks.tools import shared_flags
from benchmarks.tools.promises import judged_folds
from benchmarks.tools.study import Study, share
from scripts.classifier.backbones.engine import PROCESSOR
from scripts.classifier.showing import Advance, nowhere
from scripts.classifier.training import accuracy, stages as training
from scripts.classifier.training.fine_tuning import stages
from scripts.classifier.training.fine_tuning.tuner import Tuning
from scripts.classifier.training.journal import Journal
from scripts.classifier.training.recipe import Recipe
from scripts.classifier.training.trained import Sets
from scripts.console import command_line, flags

FLAGS = flags.FLAGS
shared_flags.define_network()
shared_flags.define_folds()
flags.DEFINE_integer("fine_tune_steps", 300, "Number of fine-tuning steps.", 1)
flags.DEFINE_float(
    "fine_tune_learning_rate", Tuning.learning_rate, "Step size relative to the layer's RMS weight; decays to 0.", 0
)
flags.DEFINE_string("fine_tune_from", None, "The first layer to train; those before it stay as they are.")


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    tuning = Tuning(FLAGS.fine_tune_steps, FLAGS.fine_tune_learning_rate, FLAGS.fine_tune_from)
    before, after, seconds = [], [], []
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as temporary:
        study = shared_flags.study(Path(temporary))
        for number, held_out in enumerate(study.deal(FLAGS.folds), 1):
            frozen, tuned, took = _fine_tune(study, held_out, tuning)
            before.append(frozen)
            after.append(tuned)
            seconds.append(took)
            print(
                f"fold {number} of {FLAGS.folds}: {100 * frozen.mean():.1f} %, then {100 * tuned.mean():.1f} %, "
                f"{took:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    print(f"{study.title(FLAGS.folds)}, then {FLAGS.fine_tune_steps} of fine-tuning", end="\n\n")
    _print(np.concatenate(before), np.concatenate(after), float(np.mean(seconds)))


def _fine_tune(study: Study, held_out: np.ndarray, tuning: Tuning) -> tuple[np.ndarray, np.ndarray, float]:
    """Which held-out photos are right before and after fine-tuning, and how many seconds it took."""
    backbone, recipe = study.backbone, Recipe(steps=study.steps)
    split_rows = [np.sort(rows) for rows in (*study.rest(held_out), held_out)]
    sets = Sets(*(study.examples(rows) for rows in split_rows))
    lists, journal = judged_folds.dealt(study.lists, *split_rows), Journal(study.folder / "summaries")
    trained = training.train(backbone, PROCESSOR, sets, len(lists.labels), recipe, journal, nowhere)
    started = time.perf_counter()
    ended: list[float] = []

    def show_photos(total: int | None, done: int = 0) -> AbstractContextManager[Advance]:
        ended.append(time.perf_counter())  # so that only fine-tuning is counted
        return nowhere(total, done)

    tuned = stages.fine_tune(trained, lists, recipe, tuning, journal, nowhere, show_photos).trained
    seconds = (ended or [time.perf_counter()])[0] - started
    journal.close()
    before, after = (accuracy.measure(each.layer, each.sets.testing) for each in (trained, tuned))
    return before.truth == before.guesses, after.truth == after.guesses, seconds


def _print(before: np.ndarray, after: np.ndarray, seconds: float) -> None:
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    names = "frozen | 95 % interval | fine-tuned | 95 % interval | right only after it | right only before it"
    print(f"| {names} | chance of a gap this large by luck | seconds |\n|{'--:|' * 8}")
    shares = " | ".join(share(int(right.sum()), len(right)) for right in (before, after))
    print(f"| {shares} | {gained} | {lost} | {100 * _chance(gained, lost):.2g} % | {seconds:.0f} |")


def _chance(gained: int, lost: int) -> float:
    """The sign test: the chance that a fair coin gives at least `gained` heads in this many throws."""
    throws = gained + lost
    return sum(math.comb(throws, heads) for heads in range(gained, throws + 1)) / 2**throws


if __name__ == "__main__":
    command_line.run(main)
