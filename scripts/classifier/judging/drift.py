"""Compares the answers to pictures in use with those to test photos: what differs by more than chance, and matters.

Nobody knows the right labels of pictures in use, so this measures no accuracy. But if the answers differ, the pictures
do, and the accuracy measured at training may not hold for them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..training.accuracy import interval_95
from ..training.expected import Expected

FEWEST = 50  # pictures that anything is said about

# Pictures like the test photos differ in one of three ways, by chance alone, in at most one of a hundred comparisons.
_RISK = 0.01 / 3
# Smaller differences are no reason to act, however certain they are. Labels come and go with the day, and with those
# who send the pictures, so their shares may differ by more.
_MATTERS, _LABEL_MATTERS = 0.05, 0.10

UNKNOWN, SCORE, LABELS = "unknown", "score", "labels"  # the ways to differ


@dataclass(frozen=True)
class Tally:
    """The answers to some pictures, in numbers."""

    pictures: int
    asked: int  # of them, those for which it was asked whether they are unknown
    unknown: int
    score_sum: float  # of each picture's highest score
    score_squares: float  # the sum of their squares
    counts: np.ndarray  # [labels], how often each had the highest score

    @classmethod
    def of(cls, guesses: Sequence[int], tops: Sequence[float], unknown: Sequence[bool | None], labels: int) -> Tally:
        """`unknown` is None where it was not asked for."""
        scores = np.asarray(tops, np.float64)
        return cls(
            len(guesses),
            sum(each is not None for each in unknown),
            sum(each is True for each in unknown),
            float(scores.sum()),
            float((scores**2).sum()),
            np.bincount(np.asarray(guesses, np.int64), minlength=labels),
        )

    @property
    def unknown_share(self) -> float | None:
        return self.unknown / self.asked if self.asked else None

    @property
    def mean_score(self) -> float | None:
        return self.score_sum / self.pictures if self.pictures else None

    def share(self, label: int) -> float:
        return float(self.counts[label] / self.pictures)

    def interval_95(self, label: int) -> tuple[float, float]:
        return interval_95(int(self.counts[label]), self.pictures)


@dataclass(frozen=True)
class Difference:
    """One way in which the answers differ from those to the test photos."""

    way: str  # UNKNOWN, SCORE or LABELS
    found: float  # a share, or the mean score
    expected: float
    label: int | None = None  # of LABELS: the one whose share differs most


def compare(tally: Tally, expected: Expected) -> list[Difference]:
    """What differs, the most telling first; nothing for fewer than FEWEST pictures."""
    if tally.pictures < FEWEST:
        return []
    unknown = _more_unknown(tally, expected)
    # Pictures of something else get labels, too, which say nothing more.
    labels = None if unknown is not None else _other_labels(tally, expected)
    return [each for each in (unknown, _other_score(tally, expected), labels) if each is not None]


def _more_unknown(tally: Tally, expected: Expected) -> Difference | None:
    """Fewer are never a reason to worry."""
    share = tally.unknown_share
    if share is None or tally.asked < FEWEST or expected.unknown is None:
        return None
    before = round(expected.unknown * expected.photos)
    if share - expected.unknown < _MATTERS:
        return None
    by_chance = at_least(tally.unknown, tally.asked, before, expected.photos)
    return Difference(UNKNOWN, share, expected.unknown) if by_chance < _RISK else None


def _other_score(tally: Tally, expected: Expected) -> Difference | None:
    """A z-test. Its deviation is that of all pictures and photos together, as few alone may hardly vary by luck."""
    mean, before = tally.score_sum / tally.pictures, expected.mean_score
    if abs(mean - before) < _MATTERS:
        return None
    total = tally.pictures + expected.photos
    squares = tally.score_squares + expected.photos * (expected.score_deviation**2 + before**2)
    middle = (tally.score_sum + expected.photos * before) / total
    deviation = math.sqrt(max(squares / total - middle**2, 0) * (1 / tally.pictures + 1 / expected.photos))
    by_chance = math.erfc(abs(mean - before) / deviation / math.sqrt(2)) if deviation else 0.0
    return Difference(SCORE, mean, before) if by_chance < _RISK else None


def _other_labels(tally: Tally, expected: Expected) -> Difference | None:
    """The label whose share differs most, of those that differ by more than chance; each has its part of the risk."""
    shares = np.array(list(expected.label_shares.values()))
    found = tally.counts / tally.pictures
    given = np.count_nonzero((found > 0) | (shares > 0))
    for at in np.argsort(-np.abs(found - shares), kind="stable").tolist():
        if abs(found[at] - shares[at]) < _LABEL_MATTERS:
            break
        now, before = int(tally.counts[at]), round(float(shares[at]) * expected.photos)
        if either_way(now, tally.pictures, before, expected.photos) < _RISK / given:
            return Difference(LABELS, float(found[at]), float(shares[at]), at)
    return None


def either_way(some: int, total: int, others: int, of: int) -> float:
    """Fisher's exact test: how probable shares as different as `some`/`total` and `others`/`of` are by chance."""
    return min(1.0, 2 * min(at_least(some, total, others, of), at_least(total - some, total, of - others, of)))


def at_least(some: int, total: int, others: int, of: int) -> float:
    """How probable `some` or more are if the `some` + `others` fell among `total` + `of` at random."""
    marked, everything = some + others, total + of
    most = min(marked, total)
    first = _log_choose(marked, some) + _log_choose(everything - marked, total - some) - _log_choose(everything, total)
    each = np.arange(some, most, dtype=np.float64)
    # The probability of one more, from that of one fewer.
    steps = np.log((marked - each) * (total - each)) - np.log((each + 1) * (of - marked + each + 1))
    return min(1.0, math.exp(first) + float(np.exp(first + np.cumsum(steps)).sum()))


def _log_choose(of: int, some: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(some + 1) - math.lgamma(of - some + 1)
