"""What a classifier makes of a picture: scores, the labels that have the highest, and how programs are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Answer:
    scores: np.ndarray  # [labels]
    bottleneck: np.ndarray | None  # [values], where bottlenecks were wanted and the format gives them
    distance: float | None  # from what it was trained on, where that was wanted; beyond 1 the picture is unknown

    @property
    def unknown(self) -> bool:
        return self.distance is not None and self.distance > 1

    def best(self, count: int) -> list[int]:
        """The indices of the labels with the highest scores, the highest first."""
        return [int(at) for at in np.argsort(-self.scores, kind="stable")[:count]]


@dataclass(frozen=True)
class Rank:
    """A label, what people call it, and its score."""

    label: str
    name: str
    score: float


def as_json(answer: Answer, ranks: Sequence[Rank], named: bool) -> dict:
    """What JSON says of a picture, wherever it is asked for; `named` where labels have names of their own."""
    unknown = {} if answer.distance is None else {"unknown": answer.unknown, "distance": round(answer.distance, 4)}
    labels = [
        {"label": rank.label, **({"name": rank.name} if named else {}), "score": round(rank.score, 6)} for rank in ranks
    ]
    return {**unknown, "labels": labels}
