"""What answers to new photos should look like, measured on photos that the classifier was not trained on.

Nobody knows the labels of the pictures that a classifier in use gets. But if they are like its test photos, so are its
answers: about as many unknown, about as sure, and each label about as often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..photos.image_lists import TESTING, VALIDATION
from .examples import Examples
from .final_layer import FinalLayer
from .trained import Sets
from .unknown import Unknown

_ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Expected:
    """The answers to at least one photo."""

    split: str  # the set that they are of: testing, or validation without test photos
    photos: int
    unknown: float | None  # the share called unknown; None if the classifier cannot tell
    mean_score: float  # of each photo's highest score
    score_deviation: float
    label_shares: dict[str, float]  # the share of each label among the highest-scoring ones

    def as_record(self) -> dict:
        return {
            "split": self.split,
            "photos": self.photos,
            "unknown": self.unknown,
            "mean_score": self.mean_score,
            "score_deviation": self.score_deviation,
            "label_shares": self.label_shares,
        }


def measure(layer: FinalLayer, tells: Unknown | None, sets: Sets, labels: tuple[str, ...]) -> Expected | None:
    """Measures on the test photos, or on the validation photos if there are none; None without either."""
    split, examples = (TESTING, sets.testing) if len(sets.testing) else (VALIDATION, sets.validation)
    if not len(examples):
        return None
    tops, guesses, away = _answers(layer, tells, examples)
    shares = np.bincount(guesses, minlength=len(labels)) / len(guesses)
    return Expected(
        split,
        len(guesses),
        None if away is None else float(away.mean()),
        float(tops.mean()),
        float(tops.std()),
        dict(zip(labels, shares.tolist(), strict=True)),
    )


def of_record(record: dict | None, labels: Sequence[str]) -> Expected | None:
    """From a record that was checked; None if it is older, or tells of other labels."""
    found = (record or {}).get("expected")
    if found is None or set(found["label_shares"]) != set(labels):
        return None
    return Expected(
        found["split"],
        found["photos"],
        found.get("unknown"),
        found["mean_score"],
        found["score_deviation"],
        {label: found["label_shares"][label] for label in labels},
    )


def _answers(
    layer: FinalLayer, tells: Unknown | None, examples: Examples
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Each photo's highest score, its label, and whether it is unknown."""
    tops, guesses, away = [], [], []
    for start in range(0, len(examples), _ROWS_AT_ONCE):
        vectors = examples.vectors.take(np.arange(start, min(start + _ROWS_AT_ONCE, len(examples))))
        scores = layer.probabilities(vectors)
        tops.append(scores.max(axis=1).astype(np.float64))
        guesses.append(scores.argmax(axis=1))
        if tells is not None:
            away.append(tells.distances(vectors) > 1)
    return np.concatenate(tops), np.concatenate(guesses), np.concatenate(away) if tells is not None else None
