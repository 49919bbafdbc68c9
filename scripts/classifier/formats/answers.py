"""A classifier's answer to a picture, and how it is written as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Answer:
    scores: np.ndarray  # [labels]
    bottleneck: np.ndarray | None  # [values]; None if not asked for, or if the format has none
    distance: float | None  # to the training photos; above 1 the picture is unknown; None if not asked for

    @property
    def unknown(self) -> bool:
        return self.distance is not None and self.distance > 1

    def best(self, count: int) -> list[int]:
        """The indices of the labels with the highest scores, the highest first."""
        return [int(at) for at in np.argsort(-self.scores, kind="stable")[:count]]


@dataclass(frozen=True)
class Rank:
    """A label, its name for people, and its score."""

    label: str
    name: str
    score: float


@dataclass(frozen=True)
class SureSet:
    """The smallest set of labels that holds the right one in so many of 100 cases, the highest score first."""

    percent: float
    ranks: tuple[Rank, ...]

    def describe(self) -> str:
        """daisy or dandelion (95 % sure)"""
        *others, last = [rank.name for rank in self.ranks]
        names = f"{', '.join(others)} or {last}" if others else last
        return f"{names} ({self.percent:g} % sure)"

    def as_json(self, named: bool) -> dict:
        names = {"names": [rank.name for rank in self.ranks]} if named else {}
        percent = int(self.percent) if self.percent == int(self.percent) else self.percent
        return {"percent": percent, "labels": [rank.label for rank in self.ranks], **names}


def as_json(answer: Answer, ranks: Sequence[Rank], named: bool, sure: SureSet | None = None) -> dict:
    """The form of an answer in every JSON that we write; `named` if the labels have names of their own."""
    unknown = {} if answer.distance is None else {"unknown": answer.unknown, "distance": round(answer.distance, 4)}
    labels = [
        {"label": rank.label, **({"name": rank.name} if named else {}), "score": round(rank.score, 6)} for rank in ranks
    ]
    return {**unknown, **({} if sure is None else {"sure": sure.as_json(named)}), "labels": labels}
