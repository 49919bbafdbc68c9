"""The number that logits are divided by, so that scores mean what they say, and what is recorded of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# How unlikely temperatures far from 1 are. Without it, a layer that gets all photos right would become sure of itself
# without limit. As a normal distribution of log T, its standard deviation is 0.5.
_PRIOR = 2.0
_HOTTEST = math.log(20)
_SEARCH_STEPS = 40  # of golden section: they narrow the range by a factor of 10**8


@dataclass(frozen=True)
class Calibration:
    """What was done to a layer, or why nothing was: then the temperature is 1."""

    temperature: float = 1.0
    photos: int = 0  # that it was fitted on
    folds: int | None = None  # None: fitted on the validation photos
    before: float | None = None  # cross entropy of these photos
    after: float | None = None
    why_not: str | None = None

    def as_record(self) -> dict:
        fitted = "validation photos" if self.folds is None else f"{self.folds} folds of training and validation photos"
        return {
            "temperature": round(self.temperature, 4),
            "photos": self.photos,
            "fitted_on": fitted if self.photos else None,
            "cross_entropy_before": _rounded(self.before),
            "cross_entropy_after": _rounded(self.after),
            "why_not": self.why_not,
        }

    def describe(self) -> list[str]:
        """One line if it did something."""
        if self.why_not is not None:
            return []
        which = "validation photos" if self.folds is None else f"photos, in {self.folds} folds"
        return [
            f"scores calibrated on {self.photos:,} {which}: temperature {self.temperature:.2f}, cross entropy "
            f"{self.before:.3f} became {self.after:.3f}"
        ]


def fit(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature with the lowest cross entropy, drawn towards 1 by what temperatures usually are."""
    return math.exp(
        _lowest(lambda log: cross_entropy(logits, labels, math.exp(log)) * len(labels) + _PRIOR * log * log)
    )


def cross_entropy(logits: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    """The mean over the photos."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(labels)), labels]).mean())


def _lowest(of: Callable[[float], float]) -> float:
    """Where this function of the temperature's logarithm, which has one valley, is lowest: by golden section."""
    ratio = (math.sqrt(5) - 1) / 2
    low, high = -_HOTTEST, _HOTTEST
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = of(left), of(right)
    for _ in range(_SEARCH_STEPS):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = of(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = of(right)
    return (low + high) / 2


def _rounded(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.5g}")
