"""Learns to recognise unknown photos, and measures how many known ones it keeps."""

from __future__ import annotations

import numpy as np

from . import unknown
from .examples import Examples
from .unknown import Unknown

# Enough validation photos to set the threshold to within a third of a percent.
_ENOUGH_TO_DECIDE = 4000
_ROWS_AT_ONCE = 1024


def learn(training: Examples, validation: Examples, kept: float, seed: int) -> Unknown | None:
    """None without validation photos, which set the threshold."""
    if not len(validation):
        return None
    rows = unknown.sample(training.labels, seed)
    held_out = validation.sample(_ENOUGH_TO_DECIDE, seed)
    held_out_vectors = held_out.vectors.take(np.arange(len(held_out)))
    return unknown.learn(training.vectors.take(rows), training.labels[rows], held_out_vectors, kept, seed)


def share_kept(tells: Unknown | None, examples: Examples) -> float | None:
    """The share of these photos that count as known."""
    if tells is None or not len(examples):
        return None
    chunks = (np.arange(at, min(at + _ROWS_AT_ONCE, len(examples))) for at in range(0, len(examples), _ROWS_AT_ONCE))
    return sum(int((tells.distances(examples.vectors.take(rows)) <= 1).sum()) for rows in chunks) / len(examples)
