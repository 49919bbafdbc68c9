"""Measures sure answers: how many of the sets hold the right label, and how many labels they have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..drawing.percent import percent
from ..training import accuracy
from ..training.sure import Sure
from .judged import Judged


@dataclass(frozen=True)
class SureMeasures:
    """The sets for photos whose labels are known. Means and shares are None without photos."""

    judged: Judged
    sure: Sure
    percent: float  # promised

    @cached_property
    def _sets(self) -> list[list[int]]:
        return [self.sure.members(scores, self.percent) for scores in self.judged.scores]

    @cached_property
    def sizes(self) -> np.ndarray:
        return np.array([len(each) for each in self._sets], np.int64)

    @cached_property
    def covered(self) -> np.ndarray:
        """Which sets hold the right label."""
        pairs = zip(self._sets, self.judged.truth, strict=True)
        return np.array([truth in members for members, truth in pairs], bool)

    @property
    def mean_size(self) -> float | None:
        return float(self.sizes.mean()) if len(self.sizes) else None

    def describe(self) -> list[str]:
        """The coverage, the size of the sets, and a line for each label."""
        photos, labels = len(self.judged), self.judged.labels
        if not photos:
            return []
        share = accuracy.share_in_words(int(self.covered.sum()), photos)
        lines = [
            f"with --sure={self.percent:g}, answers that hold the right label: {share}",
            f"  answers have {self.mean_size:.2f} labels on average; {percent((self.sizes == 1).mean())} have just one",
        ]
        if self.answers_alone:
            lines.append("  its first label alone is right often enough, so answers cover more than was promised")
        longest = max(len(label) for label in labels)
        for label, (right, of, size) in zip(labels, self.per_label, strict=True):
            if size is not None:
                lines.append(f"  {label:{longest}}  {percent(right / of):>7}  ({right} of {of}), {size:.2f} labels")
        return lines

    @property
    def answers_alone(self) -> bool:
        """True if one label is as sure as was promised."""
        return self.sure.limit(self.percent) == 0

    @cached_property
    def per_label(self) -> list[tuple[int, int, float | None]]:
        """For each label: its photos whose set holds it, its photos, and the mean size of their sets."""
        found = []
        for label in range(len(self.judged.labels)):
            own = self.judged.truth == label
            size = float(self.sizes[own].mean()) if own.any() else None
            found.append((int(self.covered[own].sum()), int(own.sum()), size))
        return found

    def as_record(self, labels: tuple[str, ...]) -> dict:
        photos, covered = len(self.judged), int(self.covered.sum())
        return {
            "percent": self.percent,
            "photos": photos,
            "covered": covered,
            "coverage": covered / photos if photos else None,
            "interval_95": accuracy.interval_95(covered, photos) if photos else None,
            "mean_size": self.mean_size,
            "per_label": {
                label: {"covered": right, "photos": of, "mean_size": size}
                for label, (right, of, size) in zip(labels, self.per_label, strict=True)
            },
        }
