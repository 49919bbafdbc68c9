"""Learns to recognise unknown photos, also from photos of none of the labels, and says what those gained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import learning_unknown
from .examples import Examples
from .trained import Sets, Trained
from .unknown import Unknown

# More would hardly move their mean, and cost memory.
_MOST = 2000


@dataclass(frozen=True)
class NoneTold:
    """How many photos of none of the labels are recognised among those that were not learned from."""

    learned: int
    tested: int
    turned_away: int
    turned_away_without: int  # by what would have been learned without any


def learn(trained: Trained, kept: float, seed: int) -> Unknown | None:
    """`kept` is the share of known photos that should count as known. None without validation photos."""
    training, validation, _ = trained.sets
    none = None if trained.none is None else _vectors(trained.none.sets, seed)
    return learning_unknown.learn(training, validation, kept, seed, none, trained.network_learned_too)


def told(trained: Trained, tells: Unknown | None, kept: float, seed: int) -> NoneTold | None:
    """None if there are no photos of none of the labels, or nothing that tells them."""
    if trained.none is None or tells is None:
        return None
    training, validation, _ = trained.sets
    without = learning_unknown.learn(training, validation, kept, seed, None, trained.network_learned_too)
    assert without is not None, "there are validation photos, as for `tells`"
    learned = sum(len(each) for each in _learned_from(trained.none.sets))
    testing = trained.none.sets.testing
    away = (learning_unknown.count_away(each, testing) for each in (tells, without))
    return NoneTold(learned, len(testing), *away)


def _learned_from(sets: Sets) -> tuple[Examples, Examples]:
    """Those for validation too: the photos of the labels set all limits."""
    return sets.training, sets.validation


def _vectors(sets: Sets, seed: int) -> np.ndarray:
    some = (each.sample(_MOST // 2, seed) for each in _learned_from(sets))
    return np.concatenate([each.vectors.take(np.arange(len(each))) for each in some])
