"""Measures a classifier by its scores for photos whose labels are known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..training import accuracy
from ..training.accuracy import Results

# What a score of nought counts as in the cross entropy, whose logarithm would be infinite.
SMALLEST_SCORE = 1e-7

CALIBRATION_BINS = 15
_EDGES = np.linspace(0, 1, CALIBRATION_BINS + 1)

# How many imagined classifiers tell what calibration error chance alone gives.
_IMAGINED, _IMAGINED_SEED = 200, 0


@dataclass(frozen=True)
class Judged:
    """Photos with the label that each has and the scores that it was given."""

    labels: tuple[str, ...]
    paths: list[str]  # relative to the image folder, with forward slashes
    truth: np.ndarray  # int, index into labels
    scores: np.ndarray  # [photos, labels] float32; those of a photo add up to 1
    splits: list[str]  # the set that each photo is in
    unknown: np.ndarray | None = None  # bool: whether it was turned away as none of the labels; None: not asked

    def __len__(self) -> int:
        return len(self.paths)

    @cached_property
    def guesses(self) -> np.ndarray:
        """The label with the highest score; of equals the first."""
        return self.scores.argmax(axis=1)

    @cached_property
    def top(self) -> np.ndarray:
        """The highest score of each photo."""
        return self.scores.max(axis=1)

    @cached_property
    def right(self) -> np.ndarray:
        return self.guesses == self.truth

    def of(self, *splits: str) -> Judged:
        """The photos of these sets alone."""
        return self.at(np.flatnonzero(np.isin(np.array(self.splits, object), splits)))

    def at(self, rows: np.ndarray) -> Judged:
        return Judged(
            self.labels,
            [self.paths[row] for row in rows],
            self.truth[rows],
            self.scores[rows],
            [self.splits[row] for row in rows],
            None if self.unknown is None else self.unknown[rows],
        )


@dataclass(frozen=True)
class Strangers:
    """Photos of something that is none of the labels, the scores that each was given, and which were turned away."""

    image_dir: Path
    paths: list[str]  # relative to it
    scores: np.ndarray  # [photos, labels]
    turned_away: np.ndarray  # bool


@dataclass(frozen=True)
class LabelMeasures:
    """How one label fares. None: there is nothing that it could be a share of."""

    label: str
    photos: int  # that are of it
    guessed: int  # that were taken for it
    right: int
    precision: float | None  # of those taken for it, the share that is
    recall: float | None  # of those that are, the share taken for it
    f1: float | None  # the harmonic mean of the two


@dataclass(frozen=True)
class Bin:
    """The photos whose highest score lies above `low` and up to `high`."""

    low: float
    high: float
    photos: int
    mean_score: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Measures:
    """Everything that follows from the scores. A figure that no photo speaks about is None."""

    judged: Judged

    @cached_property
    def results(self) -> Results:
        return Results(self.judged.truth, self.judged.guesses, len(self.judged.labels), self.judged.paths)

    @property
    def total(self) -> int:
        return self.results.total

    @property
    def accuracy(self) -> float | None:
        return self.results.accuracy

    @property
    def interval_95(self) -> tuple[float, float] | None:
        return accuracy.interval_95(self.results.right, self.total) if self.total else None

    @cached_property
    def most_frequent(self) -> tuple[str, float] | None:
        """The label that most photos have, and the accuracy of always saying that one."""
        if not self.total:
            return None
        counts = self.confusion.sum(axis=1)
        return self.judged.labels[counts.argmax()], float(counts.max() / self.total)

    @cached_property
    def cross_entropy(self) -> float | None:
        """The mean of -log(score of the right label); an even guess among k labels has log(k)."""
        if not self.total:
            return None
        scores = self._true_scores.astype(np.float64).clip(SMALLEST_SCORE, 1)
        return float(-np.log(scores).mean())

    @cached_property
    def top_5(self) -> float | None:
        """How often the right label is among the five highest; None where there are no more than five."""
        if not self.total or len(self.judged.labels) <= 5:
            return None
        own = self._true_scores[:, None]
        # Of equal scores the first label's counts as higher, as it does for the guess.
        before = np.arange(len(self.judged.labels)) < self.judged.truth[:, None]
        rank = ((self.judged.scores > own) | ((self.judged.scores == own) & before)).sum(axis=1)
        return float((rank < 5).mean())

    @property
    def confusion(self) -> np.ndarray:
        """[truth, guess] counts."""
        return self.results.confusion

    @cached_property
    def confusions(self) -> list[tuple[str, str, int, int]]:
        """(what it is, what it was taken for, how often, of how many), the most frequent first."""
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
        """The mean over labels, whatever their number of photos, as are the next two."""
        return _mean([each.precision for each in self.per_label])

    @property
    def macro_recall(self) -> float | None:
        return _mean([each.recall for each in self.per_label])

    @property
    def macro_f1(self) -> float | None:
        return _mean([each.f1 for each in self.per_label])

    @cached_property
    def bins(self) -> list[Bin]:
        """The photos by their highest score, for the reliability diagram."""
        counts = np.bincount(self._bin_of, minlength=CALIBRATION_BINS)
        scores = np.bincount(self._bin_of, self.judged.top, CALIBRATION_BINS)
        right = np.bincount(self._bin_of, self.judged.right, CALIBRATION_BINS)
        return [
            Bin(
                float(_EDGES[at]),
                float(_EDGES[at + 1]),
                int(counts[at]),
                _share(scores[at], counts[at]),
                _share(right[at], counts[at]),
            )
            for at in range(CALIBRATION_BINS)
        ]

    @cached_property
    def calibration_error(self) -> float | None:
        """How far, on average, a photo's bin is from being right as often as its scores say."""
        return self._gap(self.judged.right) if self.total else None

    @cached_property
    def calibration_error_by_chance(self) -> float | None:
        """What the calibration error would be if each score were exactly true: above 0, the more so the fewer photos.

        Measured on imagined outcomes, each photo right with the probability that its score claims.
        """
        if not self.total:
            return None
        random = np.random.default_rng(_IMAGINED_SEED)
        return float(np.mean([self._gap(random.random(self.total) < self.judged.top) for _ in range(_IMAGINED)]))

    @property
    def turned_away(self) -> int | None:
        """How many of these photos, all of known labels, were taken for unknown; None where nobody asked."""
        return None if self.judged.unknown is None else int(np.count_nonzero(self.judged.unknown))

    @cached_property
    def answered(self) -> Results | None:
        """The accuracy among photos that were not turned away."""
        if self.judged.unknown is None:
            return None
        kept = self.judged.at(np.flatnonzero(~self.judged.unknown))
        return Results(kept.truth, kept.guesses, len(kept.labels), kept.paths)

    @cached_property
    def _bin_of(self) -> np.ndarray:
        return (np.searchsorted(_EDGES, self.judged.top) - 1).clip(0, CALIBRATION_BINS - 1)

    def _gap(self, right: np.ndarray) -> float:
        gaps = np.bincount(self._bin_of, self.judged.top - right, CALIBRATION_BINS)
        return float(np.abs(gaps).sum() / self.total)

    @property
    def _true_scores(self) -> np.ndarray:
        return self.judged.scores[np.arange(self.total), self.judged.truth]


def as_record(measures: Measures, strangers: Strangers | None = None) -> dict:
    """For JSON; what is undefined is null."""
    record = accuracy.as_record(measures.results, measures.judged.labels)
    if strangers is not None:
        away = int(np.count_nonzero(strangers.turned_away))
        record["strangers"] = {"photos": len(strangers.paths), "turned_away": away}
    if not measures.total:
        return record
    for each in measures.per_label:
        record["per_label"][each.label].update(
            guessed=each.guessed, precision=each.precision, recall=each.recall, f1=each.f1
        )
    record["cross_entropy"] = measures.cross_entropy
    if measures.top_5 is not None:
        record["top_5_accuracy"] = measures.top_5
    record["macro"] = {
        "precision": measures.macro_precision,
        "recall": measures.macro_recall,
        "f1": measures.macro_f1,
    }
    record["calibration_error"] = measures.calibration_error
    record["calibration_error_by_chance"] = measures.calibration_error_by_chance
    record["calibration_bins"] = [
        {
            "above": each.low,
            "to": each.high,
            "photos": each.photos,
            "mean_score": each.mean_score,
            "accuracy": each.accuracy,
        }
        for each in measures.bins
    ]
    record["labels"] = list(measures.judged.labels)
    record["confusion"] = measures.confusion.tolist()
    if measures.answered is not None:
        record["turned_away"] = measures.turned_away
        record["accuracy_of_answered"] = measures.answered.accuracy
    return record


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def _mean(values: list[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return math.fsum(defined) / len(defined) if defined else None
