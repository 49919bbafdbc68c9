"""Measures a classifier by its scores for photos whose labels are known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..training import accuracy
from ..training.accuracy import Results
from .calibration import Calibration
from .judged import Judged

# The cross entropy counts a score of 0 as this, whose logarithm is finite.
SMALLEST_SCORE = 1e-7


@dataclass(frozen=True)
class LabelMeasures:
    """The measures of one label; None if the denominator is 0."""

    label: str
    photos: int  # with this label
    guessed: int  # with this answer
    right: int
    precision: float | None  # right / guessed
    recall: float | None  # right / photos
    f1: float | None  # their harmonic mean


@dataclass(frozen=True)
class Overall:
    """The measures over all photos, at least one."""

    accuracy: float
    interval_95: tuple[float, float]
    most_frequent: tuple[str, float]  # the commonest label, and the accuracy of always answering it
    cross_entropy: float  # the mean of -log(score of the right label); guessing among k labels gives log(k)
    top_5: float | None  # top-5 accuracy; None for five labels or fewer
    calibration: Calibration


@dataclass(frozen=True)
class TurnedAway:
    """Photos of known labels, from a classifier that may answer "unknown"."""

    by_mistake: int
    answered: Results  # of the photos that were given a label


@dataclass(frozen=True)
class Measures:
    """All measures of one set of photos and their scores."""

    judged: Judged

    @cached_property
    def results(self) -> Results:
        return _results(self.judged)

    @property
    def total(self) -> int:
        return self.results.total

    @cached_property
    def overall(self) -> Overall | None:
        """The measures over all photos; None without photos."""
        judged, results = self.judged, self.results
        if not results.total:
            return None
        counts = self.confusion.sum(axis=1)
        true_scores = judged.scores[np.arange(results.total), judged.truth]
        return Overall(
            accuracy=results.right / results.total,
            interval_95=accuracy.interval_95(results.right, results.total),
            most_frequent=(judged.labels[counts.argmax()], float(counts.max() / results.total)),
            cross_entropy=float(-np.log(true_scores.astype(np.float64).clip(SMALLEST_SCORE, 1)).mean()),
            top_5=_top_5(judged, true_scores) if len(judged.labels) > 5 else None,
            calibration=Calibration(judged.top, judged.right),
        )

    @property
    def confusion(self) -> np.ndarray:
        """[truth, guess] counts."""
        return self.results.confusion

    @cached_property
    def confusions(self) -> list[tuple[str, str, int, int]]:
        """(right label, wrong answer, how often, of how many), the most frequent first."""
        wrong = self.confusion * (1 - np.eye(len(self.confusion), dtype=np.int64))
        rows, columns = np.nonzero(wrong)
        order = np.argsort(-wrong[rows, columns], kind="stable")
        labels, totals = self.judged.labels, self.confusion.sum(axis=1)
        return [
            (labels[row], labels[column], int(wrong[row, column]), int(totals[row]))
            for row, column in zip(rows[order], columns[order], strict=True)
        ]

    @cached_property
    def per_label(self) -> list[LabelMeasures]:
        photos, guessed = self.confusion.sum(axis=1), self.confusion.sum(axis=0)
        return [
            LabelMeasures(
                label,
                int(photos[at]),
                int(guessed[at]),
                int(self.confusion[at, at]),
                _share(self.confusion[at, at], guessed[at]),
                _share(self.confusion[at, at], photos[at]),
                _share(2 * self.confusion[at, at], guessed[at] + photos[at]),
            )
            for at, label in enumerate(self.judged.labels)
        ]

    @property
    def macro_precision(self) -> float | None:
        """The mean over labels, however many photos each has; None without photos. The next two are alike."""
        return _mean([each.precision for each in self.per_label])

    @property
    def macro_recall(self) -> float | None:
        return _mean([each.recall for each in self.per_label])

    @property
    def macro_f1(self) -> float | None:
        return _mean([each.f1 for each in self.per_label])

    @cached_property
    def turned_away(self) -> TurnedAway | None:
        """The photos called unknown; None if "unknown" was not asked for."""
        unknown = self.judged.unknown
        if unknown is None:
            return None
        return TurnedAway(int(np.count_nonzero(unknown)), _results(self.judged.at(np.flatnonzero(~unknown))))


def _results(judged: Judged) -> Results:
    return Results(judged.truth, judged.guesses, len(judged.labels), judged.paths)


def _top_5(judged: Judged, true_scores: np.ndarray) -> float:
    own = true_scores[:, None]
    # Ties go to the first label, as for the guess.
    before = np.arange(len(judged.labels)) < judged.truth[:, None]
    rank = ((judged.scores > own) | ((judged.scores == own) & before)).sum(axis=1)
    return float((rank < 5).mean())


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def _mean(values: list[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return math.fsum(defined) / len(defined) if defined else None
