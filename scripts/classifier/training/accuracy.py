"""Measures how often a classifier is right, with a confidence interval, and which labels it confuses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..drawing.percent import percent
from .examples import Examples
from .final_layer import FinalLayer

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Results:
    """A final layer's guesses for some examples."""

    truth: np.ndarray  # the label of each, as an index
    guesses: np.ndarray  # the label it was given
    label_count: int
    paths: Sequence[str]

    @property
    def total(self) -> int:
        return len(self.truth)

    @property
    def right(self) -> int:
        return int(np.count_nonzero(self.truth == self.guesses))

    @property
    def accuracy(self) -> float | None:
        return self.right / self.total if self.total else None

    @cached_property
    def confusion(self) -> np.ndarray:
        """[truth, guess] counts."""
        table = np.zeros((self.label_count, self.label_count), np.int64)
        np.add.at(table, (self.truth, self.guesses), 1)
        return table


def measure(layer: FinalLayer, examples: Examples) -> Results:
    guesses = []
    for start in range(0, len(examples), _ROWS_AT_ONCE):
        rows = np.arange(start, min(start + _ROWS_AT_ONCE, len(examples)))
        guesses.append(layer.probabilities(examples.vectors.take(rows)).argmax(axis=1))
    together = np.concatenate(guesses or [np.empty(0, np.int64)])
    return Results(examples.labels, together, len(layer.biases), examples.paths)


def interval_95(right: int, total: int) -> tuple[float, float]:
    """Wilson's interval for a share: the accuracies that would make `right` of `total` unsurprising."""
    z = 1.959964  # 95 % of a normal distribution lies within this many standard deviations
    share = right / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    # Rounding errors may fall just outside 0 to 1.
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def share_in_words(right: int, total: int) -> str:
    low, high = interval_95(right, total)
    return f"{percent(right / total)} (95 % interval {100 * low:.1f} to {100 * high:.1f} %, N = {total})"


def as_record(results: Results, labels: tuple[str, ...]) -> dict:
    record: dict = {"accuracy": results.accuracy, "photos": results.total}
    if results.total:
        record["interval_95"] = interval_95(results.right, results.total)
        record["per_label"] = {
            label: {"right": int(row[index]), "photos": int(row.sum())}
            for index, (label, row) in enumerate(zip(labels, results.confusion, strict=True))
        }
    return record


def misclassified(results: Results, labels: tuple[str, ...]) -> list[str]:
    """A line for each photo that got the wrong label, under the original's heading."""
    wrong = (results.truth != results.guesses).nonzero()[0]
    lines = [f"{results.paths[at]}  {labels[results.guesses[at]]}" for at in wrong]
    return ["=== MISCLASSIFIED TEST IMAGES ===", *lines]


def describe(results: Results, labels: tuple[str, ...], which: str = "test") -> list[str]:
    """The accuracy with its N and interval, then a line for each label."""
    if not results.total:
        return [f"no {which} photos, so the accuracy was not measured"]
    lines = [f"{which} accuracy {share_in_words(results.right, results.total)}"]
    longest = max(len(label) for label in labels)
    for label, row in enumerate(results.confusion):
        total = int(row.sum())
        share = f"{percent(row[label] / total):>7}  ({row[label]} of {total})" if total else f"    no {which} photos"
        lines.append(f"  {labels[label]:{longest}}  {share}")
    return lines
