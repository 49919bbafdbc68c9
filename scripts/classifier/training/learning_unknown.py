"""Learns to recognise unknown photos, and measures how many it recognises."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from . import discriminants, unknown
from .examples import Examples, folds
from .unknown import Limits, Tells, Unknown

# More photos of a label hardly move its mean. The second limit bounds memory if there are many labels.
_MOST_PHOTOS_A_LABEL, _MOST_PHOTOS = 1000, 10_000
# Enough validation photos to set the limits to within a third of a percent.
_ENOUGH_TO_DECIDE = 4000
_ROWS_AT_ONCE = 1024
# The share of the known photos given up that goes to the limit for far things. They are so far that it takes few.
_FOR_FAR = 0.3
# With fewer validation photos, one odd one among them would move a limit. Training photos then help to set them, each
# seen by what the other folds teach.
_FEW, _FOLDS = 200, 5


def learn(
    training: Examples,
    validation: Examples,
    kept: float,
    seed: int,
    none: np.ndarray | None = None,
    network_learned_too: bool = False,
) -> Unknown | None:
    """None without validation photos, which set the limits. `none`: bottlenecks of other things, if there are any.

    `network_learned_too`: from the training photos, which then are more like each other than new ones are.
    """
    if not len(validation):
        return None
    rows = sample(training.labels, seed)
    held_out = validation.sample(_ENOUGH_TO_DECIDE, seed)
    vectors, labels = training.vectors.take(rows), training.labels[rows]
    distorted = len(set(training.paths)) < len(training)  # views of one photo would be in several folds
    folded = len(held_out) < _FEW and not network_learned_too and not distorted
    return of_vectors(vectors, labels, held_out.vectors.take(np.arange(len(held_out))), kept, seed, none, folded)


def of_vectors(
    training: np.ndarray,
    labels: np.ndarray,
    validation: np.ndarray,
    kept: float,
    seed: int,
    none: np.ndarray | None = None,
    folded: bool = False,
) -> Unknown:
    """From bottlenecks, [n, values]. `kept` is the share of validation-like photos that should count as known.

    `folded`: training photos help to set the limits.
    """
    tells = _without_limits(training, labels, seed, none)
    of_folds = _of_folds(training, labels, seed, none) if folded else ()
    return tells.limited(_limits(np.concatenate([tells.signs(validation), *of_folds], axis=1), kept))


def _of_folds(vectors: np.ndarray, labels: np.ndarray, seed: int, none: np.ndarray | None) -> Iterator[np.ndarray]:
    """The signs of training photos, [2, photos] for each fold."""
    for held_out, others in folds(labels, _FOLDS, seed):
        if len(np.unique(labels[others])) > 1:
            yield _without_limits(vectors[others], labels[others], seed, none).signs(vectors[held_out])


def share_kept(tells: Tells | None, examples: Examples) -> float | None:
    """The share of these photos that count as known."""
    if tells is None or not len(examples):
        return None
    return 1 - count_away(tells, examples) / len(examples)


def count_away(tells: Tells, examples: Examples) -> int:
    """The number of these photos that count as unknown."""
    chunks = (np.arange(at, min(at + _ROWS_AT_ONCE, len(examples))) for at in range(0, len(examples), _ROWS_AT_ONCE))
    return sum(int((tells.distances(examples.vectors.take(rows)) > 1).sum()) for rows in chunks)


def _without_limits(training: np.ndarray, labels: np.ndarray, seed: int, none: np.ndarray | None) -> Unknown:
    random = np.random.default_rng(seed)
    mean, deviation = training.mean(axis=0), training.std(axis=0)
    # A value that hardly varies among the training photos must not dominate when it does.
    deviation = np.maximum(deviation, 1e-3 * max(float(deviation.max()), 1e-6))
    directions = discriminants.principal_directions(training, random)
    _, classes = np.unique(labels, return_inverse=True)
    vectors = (training - mean) / deviation
    if none is not None:
        vectors = np.concatenate([vectors, (none - mean) / deviation])
        classes = np.concatenate([classes, np.full(len(none), classes.max() + 1)])
    weights, offsets, starts = discriminants.discriminants(vectors, classes, none is not None, random)
    free = Limits(np.zeros(2), np.ones(2))
    learnt = Unknown(mean, deviation, weights, offsets, starts, directions, none is not None, free)
    # Written and read back, so that the limits will fit the rounded arrays.
    rounded = unknown.from_bytes(learnt.to_bytes(), unknown.NAME)
    assert isinstance(rounded, Unknown)
    return rounded


def _limits(signs: np.ndarray, kept: float) -> Limits:
    """The limits within which a share of `kept` of new photos should be."""
    near, far = signs
    farthest = _quantile(far, 1 - (1 - kept) * _FOR_FAR)
    # The near limit makes up the rest, among the photos that the far one keeps.
    within = np.sort(near[far <= farthest])
    nearest = within[_place(len(near), kept) - 1]
    beyond = np.array([nearest, farthest], np.float64)
    unit = np.maximum(beyond - np.median(signs, axis=1), 1e-6 * np.maximum(np.abs(beyond), 1))
    # A little more, because the last digits of a sign depend on the batch that it is computed in.
    return Limits(beyond + 1e-5 * np.maximum(unit, np.abs(beyond)), unit)


def _quantile(signs: np.ndarray, kept: float) -> float:
    return float(np.sort(signs)[_place(len(signs), kept) - 1])


def _place(count: int, kept: float) -> int:
    """The place, from 1, of the sign that a share of `kept` of new photos should not exceed, or the last one.

    A new photo is equally likely to take any of the count + 1 places in the order: hence count + 1, not count.
    """
    return max(1, min(count, math.ceil(kept * (count + 1))))


def sample(labels: np.ndarray, seed: int) -> np.ndarray:
    """The rows of enough training photos to learn from."""
    random = np.random.default_rng(seed)
    rows = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    most = min(_MOST_PHOTOS_A_LABEL, max(1, _MOST_PHOTOS // len(rows)))
    return np.sort(np.concatenate([each if len(each) <= most else random.choice(each, most, False) for each in rows]))
