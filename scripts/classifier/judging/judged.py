"""Photos with the scores that a classifier gave them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..photos.folders import Place


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

    image_dir: Place
    paths: list[str]  # relative to it
    scores: np.ndarray  # [photos, labels]
    turned_away: np.ndarray  # bool

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def away(self) -> int:
        """How many were turned away."""
        return int(np.count_nonzero(self.turned_away))
