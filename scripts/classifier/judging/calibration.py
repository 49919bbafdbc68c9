"""Measures whether scores can be taken at their word: of photos scored 80 %, 80 % should be right."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

CALIBRATION_BINS = 15
_EDGES = np.linspace(0, 1, CALIBRATION_BINS + 1)

# How many imagined classifiers tell what calibration error chance alone gives.
_IMAGINED, _IMAGINED_SEED = 200, 0


@dataclass(frozen=True)
class Bin:
    """The photos whose highest score lies above `low` and up to `high`; without any, there are no means."""

    low: float
    high: float
    photos: int
    mean_score: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Calibration:
    """Calibration over at least one photo: `top` is its highest score, `right` whether that label is correct."""

    top: np.ndarray
    right: np.ndarray

    @cached_property
    def bins(self) -> list[Bin]:
        """The photos by their highest score, for the reliability diagram."""
        counts = np.bincount(self._bin_of, minlength=CALIBRATION_BINS)
        scores = np.bincount(self._bin_of, self.top, CALIBRATION_BINS)
        right = np.bincount(self._bin_of, self.right, CALIBRATION_BINS)
        return [
            Bin(
                float(_EDGES[at]),
                float(_EDGES[at + 1]),
                int(counts[at]),
                float(scores[at] / counts[at]) if counts[at] else None,
                float(right[at] / counts[at]) if counts[at] else None,
            )
            for at in range(CALIBRATION_BINS)
        ]

    @cached_property
    def error(self) -> float:
        """The expected calibration error: the gap between mean score and accuracy, averaged over the photos' bins."""
        return self._gap(self.right)

    @cached_property
    def error_by_chance(self) -> float:
        """The error that perfectly calibrated scores would show: above 0, and larger for fewer photos.

        Measured on imagined outcomes, each photo right with the probability that its score claims.
        """
        random = np.random.default_rng(_IMAGINED_SEED)
        return float(np.mean([self._gap(random.random(len(self.top)) < self.top) for _ in range(_IMAGINED)]))

    @cached_property
    def _bin_of(self) -> np.ndarray:
        return (np.searchsorted(_EDGES, self.top) - 1).clip(0, CALIBRATION_BINS - 1)

    def _gap(self, right: np.ndarray) -> float:
        gaps = np.bincount(self._bin_of, self.top - right, CALIBRATION_BINS)
        return float(np.abs(gaps).sum() / len(self.top))
