"""Recognises unknown photos with the data that trainings wrote before there were discriminants.

Each label has a few typical bottlenecks: the centres that k-means found. A photo's distance is the larger of its
distances to the nearest centre, by angle and by angle once every value is standardised, in units of their thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class UnknownByCentres:
    mean: np.ndarray  # [values], of training photos
    deviation: np.ndarray  # [values]
    centres: np.ndarray  # [2, centres, values]: directions of bottlenecks, and of standardised ones
    units: np.ndarray  # [2]: the threshold for each kind of distance

    def distances(self, bottlenecks: np.ndarray) -> np.ndarray:
        """[n] from [n, values]; a photo beyond 1 is unknown."""
        parts = [bottlenecks[at : at + _ROWS_AT_ONCE] for at in range(0, len(bottlenecks), _ROWS_AT_ONCE)]
        return np.concatenate([np.empty(0, np.float32), *map(self._distances, parts)])

    def _distances(self, bottlenecks: np.ndarray) -> np.ndarray:
        ways = (bottlenecks, (bottlenecks - self.mean) / self.deviation)
        nearest = [_nearest(way, centres) for way, centres in zip(ways, self.centres, strict=True)]
        return (np.stack(nearest) / self.units[:, None]).max(axis=0)


def _nearest(vectors: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """For the direction of each vector, the squared distance to the nearest centre."""
    directions = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    squares = (directions**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1) - 2 * directions @ centres.T
    return squares.min(axis=1).clip(0)


def of(arrays: Mapping[str, np.ndarray]) -> UnknownByCentres:
    """Raises ValueError or KeyError if the arrays do not belong together."""
    centres, steps = arrays["centres"], arrays["steps"]
    if steps.shape != (*centres.shape[:-1], 1):
        raise ValueError("not a step for each centre")  # the product of other shapes may fill the memory
    read = UnknownByCentres(arrays["mean"], arrays["deviation"], centres * steps, arrays["units"])
    each, values = (read.mean, read.deviation, read.centres, read.units), len(read.mean)
    shapes = [array.shape for array in each]
    if shapes != [(values,), (values,), (2, read.centres.shape[1], values), (2,)] or any(
        array.dtype.kind != "f" for array in each
    ):
        raise ValueError(shapes)
    return read
