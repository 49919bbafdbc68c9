"""Measures what fine-tuning gains, and what it costs, by cross-validation.

    python -m benchmarks.fine_tuning --photos=tf_files/flower_photos

Each photo is judged once, by classifiers that were trained without it: one on the frozen network, and one that goes on
from there with the network's own weights. Prints a Markdown table.
"""

import math
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.tools import shared_flags
from benchmarks.tools.study import Study, share
from scripts.classifier.photos.image_lists import SPLITS, ImageLists
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
flags.DEFINE_integer("fine_tune_steps", 300, "How many steps of fine-tuning are taken.", 1)
flags.DEFINE_float("fine_tune_learning_rate", Tuning.learning_rate, "How far such a step goes.", 0)
flags.DEFINE_string("fine_tune_from", None, "The layer before which the network stays as it is.")


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
    """Which of the photos held out are told before and after fine-tuning, and the seconds that it took."""
    backbone, recipe = study.backbone, Recipe(steps=study.steps)
    split_rows = [np.sort(rows) for rows in (*study.rest(held_out), held_out)]
    sets = Sets(*(study.examples(rows) for rows in split_rows))
    lists, journal = _dealt(study.lists, *split_rows), Journal(study.folder / "summaries")
    trained = training.train(backbone, "float32", sets, len(lists.labels), recipe, journal, nowhere)
    started = time.perf_counter()
    ended: list[float] = []

    def show_photos(total: int | None, done: int = 0) -> AbstractContextManager[Advance]:
        ended.append(time.perf_counter())  # what comes after fine-tuning is not counted
        return nowhere(total, done)

    tuned = stages.fine_tune(trained, lists, recipe, tuning, journal, nowhere, show_photos).trained
    seconds = (ended or [time.perf_counter()])[0] - started
    journal.close()
    before, after = (accuracy.measure(each.layer, each.sets.testing) for each in (trained, tuned))
    return before.truth == before.guesses, after.truth == after.guesses, seconds


def _dealt(lists: ImageLists, *split_rows: np.ndarray) -> ImageLists:
    photos = list(lists.photos)
    for split, rows in zip(SPLITS, split_rows, strict=True):
        for row in rows:
            photos[row] = replace(photos[row], split=split)
    return replace(lists, photos=tuple(photos))


def _print(before: np.ndarray, after: np.ndarray, seconds: float) -> None:
    print("| network | accuracy | 95 % interval | seconds |\n|---|--:|--:|--:|")
    for name, right, cost in (("frozen", before, 0.0), ("fine-tuned", after, seconds)):
        print(f"| {name} | {share(int(right.sum()), len(right))} | {cost:.0f} |")
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
