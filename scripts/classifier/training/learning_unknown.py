"""Learns from a training's photos what lies far from all of them, and how many known photos that would turn away."""

from __future__ import annotations

import numpy as np

from . import unknown
from .examples import Examples
from .unknown import Unknown

# So many validation photos tell where known ends to a third of a percent.
_ENOUGH_TO_DECIDE = 4000
_ROWS_AT_ONCE = 1024


def learn(training: Examples, validation: Examples, kept: float, seed: int) -> Unknown | None:
    """None without validation photos, which decide where known ends."""
    if not len(validation):
        return None
    rows = unknown.sample(training.labels, seed)
    held_out = validation.sample(_ENOUGH_TO_DECIDE, seed)
    held_out_vectors = held_out.vectors.take(np.arange(len(held_out)))
    return unknown.learn(training.vectors.take(rows), training.labels[rows], held_out_vectors, kept, seed)


def share_kept(tells: Unknown | None, examples: Examples) -> float | None:
    """How many of these photos count as known."""
    if tells is None or not len(examples):
        return None
    parts = (np.arange(at, min(at + _ROWS_AT_ONCE, len(examples))) for at in range(0, len(examples), _ROWS_AT_ONCE))
    return sum(int((tells.distances(examples.vectors.take(rows)) <= 1).sum()) for rows in parts) / len(examples)
