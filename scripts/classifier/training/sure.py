"""Answers that hold the right label in as many cases as was promised: the smallest such sets of labels.

Split conformal prediction with adaptive sets. For each validation photo, training keeps the sum of the scores ranked
above its right label: 0 if that came first. A set takes in labels, the highest score first, as long as the scores
above them add up to no more than what was enough for 95 of 100 validation photos. The first label always belongs to
it, and the same picture always gets the same set: nothing is drawn at random. If the first label is right more often
than was promised, sets have one label and hold the right one more often than promised.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError
from ..photos.wording import counted

if TYPE_CHECKING:
    from .examples import Examples
    from .final_layer import FinalLayer

_MOST_KEPT = 1000  # sums: of more photos, so many quantiles, each rounded up
_ENOUGH = 10_000  # validation photos
_ROWS_AT_ONCE = 4096
_DIGITS = 6


@dataclass(frozen=True)
class Sure:
    """What validation photos needed."""

    photos: int
    right_at_once: int  # those whose first label was right
    sums: tuple[float, ...]  # of the others, rising: the scores above the right label, or quantiles of them

    @classmethod
    def of_scores(cls, scores: np.ndarray, truth: np.ndarray) -> Sure:
        """From the scores of photos that the classifier did not learn from, [photos, labels]."""
        order, above = _ranked(scores)
        sums = np.sort(above[np.arange(len(truth)), (order == truth[:, None]).argmax(axis=1)])
        others = sums[sums > 0]
        kept = min(len(others), _MOST_KEPT)
        ranks = -(-np.arange(1, kept + 1) * len(others) // kept) - 1 if kept else np.empty(0, np.int64)
        rounded = np.ceil(others[ranks] * 10**_DIGITS) / 10**_DIGITS
        return cls(len(truth), len(truth) - len(others), tuple(round(float(each), _DIGITS) for each in rounded))

    @classmethod
    def of_record(cls, record: dict | None) -> Sure | None:
        """What a training recorded; None if it recorded nothing."""
        entry = (record or {}).get("sure")
        if entry is None:
            return None
        return cls(entry["photos"], entry["right_at_once"], tuple(map(float, entry["sums"])))

    def as_record(self) -> dict:
        return {"photos": self.photos, "right_at_once": self.right_at_once, "sums": list(self.sums)}

    def promises(self, percent: float) -> bool:
        """True if there were enough validation photos for so much."""
        return self._rank(percent) <= self.photos

    def limit(self, percent: float) -> float:
        """The largest sum of scores above a label that still belongs to the set."""
        if not self.promises(percent):
            raise UserError(self._too_few(percent))
        rank = self._rank(percent)
        if rank <= self.right_at_once:
            return 0.0
        others = self.photos - self.right_at_once
        return self.sums[math.ceil((rank - self.right_at_once) * len(self.sums) / others) - 1]

    def members(self, scores: np.ndarray, percent: float) -> list[int]:
        """The labels that belong to the set, the highest score first."""
        order, above = _ranked(scores[None])
        return [int(at) for at in order[0][above[0] <= self.limit(percent)]]

    def _rank(self, percent: float) -> int:
        """How many validation photos the limit has to be enough for."""
        return math.ceil(round((self.photos + 1) * percent / 100, 9))

    def _too_few(self, percent: float) -> str:
        needed = math.ceil(round(percent / (100 - percent), 9))
        most = math.floor(1000 * self.photos / (self.photos + 1)) / 10
        return (
            f"answers that are {percent:g} % sure need {counted(needed, 'validation photo')} or more, and this "
            f"classifier had {self.photos:,}: ask for {most:g} % at most, or train it with more photos"
        )


def check(percent: float) -> float:
    """Refuses what nobody can promise."""
    if not 0 < percent < 100:
        raise UserError(f"sure={percent:g}: expected a percentage above 0 and below 100, such as 95")
    if percent < 1:  # in Python it is a share, so this is easily mixed up
        raise UserError(f"sure={percent:g}: expected a percentage, not a share: did you mean {100 * percent:g}?")
    return percent


def learn(layer: FinalLayer, validation: Examples, seed: int) -> Sure | None:
    """None without validation photos."""
    if not len(validation):
        return None
    some = validation.sample(_ENOUGH, seed)
    chunks = (np.arange(at, min(at + _ROWS_AT_ONCE, len(some))) for at in range(0, len(some), _ROWS_AT_ONCE))
    scores = np.concatenate([layer.probabilities(some.vectors.take(rows)) for rows in chunks])
    return Sure.of_scores(scores, some.labels)


def _ranked(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each row, the labels with the highest score first, and the sum of the scores above each of them."""
    order = np.argsort(-scores, axis=1, kind="stable")
    sums = np.cumsum(np.take_along_axis(scores, order, axis=1), axis=1, dtype=np.float64)
    return order, np.concatenate([np.zeros((len(scores), 1)), sums[:, :-1]], axis=1).clip(0, 1)
