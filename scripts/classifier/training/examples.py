"""Bottlenecks with their labels, and the random batches that training draws from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..bottlenecks.cache import BottleneckCache
from ..photos.image_lists import Photo
from .recipe import BALANCED


class Vectors(Protocol):
    """Bottlenecks, read or computed on demand."""

    @property
    def size(self) -> int: ...

    def __len__(self) -> int: ...

    def at(self, positions: np.ndarray) -> Vectors: ...

    def take(self, positions: np.ndarray) -> np.ndarray:
        """float32 [len(positions), size]"""
        ...


@dataclass(frozen=True)
class InMemory:
    """Bottlenecks that were read or computed already."""

    values: np.ndarray  # float32 [n, size]

    @property
    def size(self) -> int:
        return self.values.shape[1]

    def __len__(self) -> int:
        return len(self.values)

    def at(self, positions: np.ndarray) -> InMemory:
        return InMemory(self.values[positions])

    def take(self, positions: np.ndarray) -> np.ndarray:
        return self.values[positions]


@dataclass(frozen=True)
class Examples:
    """Bottlenecks, each with its label (an index) and the path of its photo."""

    vectors: Vectors
    labels: np.ndarray  # in the smallest unsigned type that fits
    paths: Sequence[str]

    @classmethod
    def of(cls, photos: list[Photo], keys: dict[str, list[bytes]], cache: BottleneckCache) -> Examples:
        """One example for each view of each photo."""
        views = [len(keys[photo.path]) for photo in photos]
        labels = np.array([photo.label for photo in photos], np.int32)
        return cls(
            cache.vectors(key for photo in photos for key in keys[photo.path]),
            np.repeat(labels.astype(np.min_scalar_type(int(labels.max(initial=0)))), views),
            [photo.path for photo, several in zip(photos, views, strict=True) for _ in range(several)],
        )

    def sample(self, count: int, seed: int) -> Examples:
        """`count` of them at random; all if `count` is -1 or there are no more."""
        if count == -1 or count >= len(self):
            return self
        return self.at(np.sort(np.random.default_rng(seed).choice(len(self), count, replace=False)))

    def at(self, rows: np.ndarray) -> Examples:
        return Examples(self.vectors.at(rows), self.labels[rows], [self.paths[row] for row in rows])

    def __len__(self) -> int:
        return len(self.labels)


def folds(labels: np.ndarray, count: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each fold its rows and all others, in random order; labels are spread evenly over folds."""
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    for first in range(count):
        yield order[first::count], np.delete(order, slice(first, None, count))


class BalancedBatches:
    """Draws a random label, then one of its photos, as the original retrain did: rare labels come up as often."""

    def __init__(self, labels: np.ndarray, random: np.random.Generator):
        self._random = random
        rows = np.argsort(labels, kind="stable")
        self._by_label = rows.astype(np.uint32) if len(rows) < 2**32 else rows
        counts = np.bincount(labels)
        self._present = np.flatnonzero(counts)
        self._counts = counts[self._present]
        self._starts = np.concatenate([[0], np.cumsum(self._counts)[:-1]])

    def draw(self, count: int) -> np.ndarray:
        # Two random numbers per photo, side by side: the draws must not depend on how many are made at once.
        for_label, for_photo = self._random.random((count, 2)).T
        which = (for_label * len(self._present)).astype(np.int64)
        return self._by_label[self._starts[which] + (for_photo * self._counts[which]).astype(np.int64)]


class EvenBatches:
    """Draws every photo with the same probability, so that a label comes up in proportion to its photos."""

    def __init__(self, labels: np.ndarray, random: np.random.Generator):
        self._count, self._random = len(labels), random

    def draw(self, count: int) -> np.ndarray:
        return (self._random.random(count) * self._count).astype(np.int64)


def random_batches(
    labels: np.ndarray, class_weights: str, random: np.random.Generator
) -> BalancedBatches | EvenBatches:
    return (BalancedBatches if class_weights == BALANCED else EvenBatches)(labels, random)
