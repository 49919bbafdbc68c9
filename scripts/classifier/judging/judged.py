"""Photos with the scores a classifier gave them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..photos.folders import Place
from ..photos.image_lists import TESTING


def spoken(split: str) -> str:
    """The name of a set in a sentence: "test photos", though the flag says testing."""
    return "test" if split == TESTING else split


@dataclass(frozen=True)
class Judged:
    """Photos with their labels and scores."""

    labels: tuple[str, ...]
    paths: list[str]  # relative to the image folder, with forward slashes
    truth: np.ndarray  # int, index into labels
    scores: np.ndarray  # [photos, labels] float32; each row adds up to 1
    splits: list[str]  # the set each photo is in
    unknown: np.ndarray | None = None  # bool: answered "unknown"; None: not asked

    def __len__(self) -> int:
        return len(self.paths)

    @cached_property
    def guesses(self) -> np.ndarray:
        """The label with the highest score; ties go to the first."""
        return self.scores.argmax(axis=1)

    @cached_property
    def top(self) -> np.ndarray:
        """The highest score of each photo."""
        return self.scores.max(axis=1)

    @cached_property
    def right(self) -> np.ndarray:
        return self.guesses == self.truth

    def of(self, *splits: str) -> Judged:
        """Only the photos of these sets."""
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
    """Photos of none of the labels, with their scores and whether they were called unknown."""

    image_dir: Place
    paths: list[str]  # relative to it
    scores: np.ndarray  # [photos, labels]
    turned_away: np.ndarray  # bool

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def away(self) -> int:
        """How many were called unknown."""
        return int(np.count_nonzero(self.turned_away))
