"""Measures whether scores can be taken at face value: of photos scored 80 %, 80 % should be right."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

CALIBRATION_BINS = 15
_EDGES = np.linspace(0, 1, CALIBRATION_BINS + 1)

# The number of simulated classifiers that show the calibration error that chance alone gives.
_SIMULATED, _SIMULATED_SEED = 200, 0


@dataclass(frozen=True)
class Bin:
    """The photos whose highest score is above `low` and at most `high`; the means are None without photos."""

    low: float
    high: float
    photos: int
    mean_score: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Calibration:
    """The calibration for at least one photo: `top` holds its highest score, `right` True if that label is correct."""

    top: np.ndarray
    right: np.ndarray

    @cached_property
    def bins(self) -> list[Bin]:
        """The bins of the reliability diagram."""
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
        """The expected calibration error: the gap between mean score and accuracy of a bin, averaged over photos."""
        return self._gap(self.right)

    @cached_property
    def error_by_chance(self) -> float:
        """The error that perfectly calibrated scores would show, which is above 0 and larger for fewer photos.

        Simulated: each photo is right with the probability that its score claims.
        """
        random = np.random.default_rng(_SIMULATED_SEED)
        return float(np.mean([self._gap(random.random(len(self.top)) < self.top) for _ in range(_SIMULATED)]))

    @cached_property
    def _bin_of(self) -> np.ndarray:
        return (np.searchsorted(_EDGES, self.top) - 1).clip(0, CALIBRATION_BINS - 1)

    def _gap(self, right: np.ndarray) -> float:
        gaps = np.bincount(self._bin_of, self.top - right, CALIBRATION_BINS)
        return float(np.abs(gaps).sum() / len(self.top))
