"""Recognises photos that belong to no label: their bottlenecks lie far from those of all training photos.

Distance is measured in two ways, because each sees what the other misses. The angle between bottlenecks finds
other kinds of pictures. The angle after every value is standardised to the same mean and deviation finds other
things in the same kind of picture. Each label has a few typical bottlenecks: the centres that k-means finds
among its training photos. A photo's distance is the larger of its two distances to the nearest centre, and the
validation photos set the threshold for "unknown".
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np

from ..errors import UserError
from ..fetching import unpacked_sizes

NAME = "unknown"

# More centres per label do not help (16 and 32 were equal on flowers), and would make the file larger.
_CENTRES_A_LABEL, _MOST_CENTRES = 16, 1024
# More photos of a label hardly move its centres. The second limit bounds memory if there are many labels.
_MOST_PHOTOS_A_LABEL, _MOST_PHOTOS = 1000, 10_000
_ROUNDS = 10
_ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Unknown:
    """Distances are in units of the threshold: a photo beyond 1 is unknown."""

    mean: np.ndarray  # [values], of training photos
    deviation: np.ndarray  # [values]
    centres: np.ndarray  # [2, centres, values]: directions of bottlenecks, and of standardised ones
    units: np.ndarray  # [2]: the threshold for each kind of distance

    def distances(self, bottlenecks: np.ndarray) -> np.ndarray:
        """[n] from [n, values]"""
        return self.both_ways(bottlenecks).max(axis=0)

    def both_ways(self, bottlenecks: np.ndarray) -> np.ndarray:
        """[2, n]"""
        parts = [bottlenecks[at : at + _ROWS_AT_ONCE] for at in range(0, len(bottlenecks), _ROWS_AT_ONCE)]
        nearest = [
            [_nearest(look(part, self.mean, self.deviation), centres)[1] for part in parts]
            for look, centres in zip(_LOOKS, self.centres, strict=True)
        ]
        empty = [np.empty(0, np.float32)]
        return np.stack([np.concatenate(way or empty) for way in nearest]) / self.units[:, None]

    def to_bytes(self) -> bytes:
        """The centres in 8 bits, each with its own scale: they go into files for phones, where size matters."""
        steps = np.maximum(np.abs(self.centres).max(axis=2, keepdims=True) / 127, 1e-12).astype("<f4")
        file = io.BytesIO()
        np.savez_compressed(
            file,
            mean=self.mean.astype("<f4"),
            deviation=self.deviation.astype("<f4"),
            centres=np.rint(self.centres / steps).astype(np.int8),
            steps=steps,
            units=self.units.astype("<f8"),
        )
        return file.getvalue()


def from_bytes(data: bytes, origin: object) -> Unknown:
    try:
        unpacked_sizes.check_zip_file(io.BytesIO(data))
        with np.load(io.BytesIO(data)) as arrays:
            centres, steps = arrays["centres"], arrays["steps"]
            if steps.shape != (*centres.shape[:-1], 1):
                raise ValueError("not a step for each centre")  # the product of other shapes may fill the memory
            read = Unknown(arrays["mean"], arrays["deviation"], centres * steps, arrays["units"])
        _check(read)
    except Exception:  # numpy and zipfile raise almost anything on damaged files
        raise UserError(f"cannot read {origin}, which recognises unknown photos: train or export again") from None
    return read


def _check(read: Unknown) -> None:
    """Raises ValueError if the arrays do not belong together."""
    arrays, values = (read.mean, read.deviation, read.centres, read.units), len(read.mean)
    shapes = [each.shape for each in arrays]
    if shapes != [(values,), (values,), (2, read.centres.shape[1], values), (2,)] or any(
        each.dtype.kind != "f" for each in arrays
    ):
        raise ValueError(shapes)


def learn(training: np.ndarray, labels: np.ndarray, validation: np.ndarray, kept: float, seed: int) -> Unknown:
    """From bottlenecks, [n, values]. `kept` is the share of validation-like photos that should count as known."""
    mean, deviation = training.mean(axis=0), training.std(axis=0)
    # A value that hardly varies among the training photos must not dominate when it does.
    deviation = np.maximum(deviation, 1e-3 * max(float(deviation.max()), 1e-6))
    each = max(1, min(_CENTRES_A_LABEL, _MOST_CENTRES // (int(labels.max()) + 1)))
    random = np.random.default_rng(seed)
    groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    centres = np.stack(
        [
            np.concatenate([_centres(look(training[rows], mean, deviation), each, random) for rows in groups])
            for look in _LOOKS
        ]
    )
    # Written and read back, so that the threshold fits the rounded centres.
    bare = from_bytes(Unknown(mean, deviation, centres, np.ones(2)).to_bytes(), NAME)
    ways = bare.both_ways(validation)
    units = np.array([_quantile(way, kept) for way in ways])
    units *= _quantile((ways / units[:, None]).max(axis=0), kept)
    return Unknown(bare.mean, bare.deviation, bare.centres, units)


def sample(labels: np.ndarray, seed: int) -> np.ndarray:
    """The rows of enough training photos to learn from."""
    random = np.random.default_rng(seed)
    rows = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    most = min(_MOST_PHOTOS_A_LABEL, max(1, _MOST_PHOTOS // len(rows)))
    return np.sort(np.concatenate([each if len(each) <= most else random.choice(each, most, False) for each in rows]))


def _quantile(distances: np.ndarray, kept: float) -> float:
    """The distance that a share of `kept` of new photos should not exceed, or the largest of these distances.

    A new photo is equally likely to take any of the n + 1 places in the order: hence n + 1, not n.
    """
    place = min(len(distances), math.ceil(kept * (len(distances) + 1)))
    # A little more, because the last digits of a distance depend on the batch that it is computed in.
    return max(float(np.sort(distances)[place - 1]) * (1 + 1e-5), 1e-6)


def _directions(vectors: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _standardised_directions(vectors: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    return _directions((vectors - mean) / deviation, mean, deviation)


_LOOKS = (_directions, _standardised_directions)


def _nearest(vectors: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each vector, the index of the nearest centre and the squared distance to it."""
    squares = (vectors**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1) - 2 * vectors @ centres.T
    return squares.argmin(axis=1), squares.min(axis=1).clip(0)


def _centres(vectors: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """k-means with k-means++ initialisation; always `count` centres, some repeated if there are fewer vectors."""
    centres = vectors[[int(random.integers(len(vectors)))]]
    while len(centres) < count:
        far = _nearest(vectors, centres)[1].astype(np.float64)
        total = far.sum()
        at = random.choice(len(vectors), p=far / total) if total > 0 else int(random.integers(len(vectors)))
        centres = np.concatenate([centres, vectors[[at]]])
    for _ in range(_ROUNDS):
        which, _ = _nearest(vectors, centres)
        members = np.equal(np.arange(count)[:, None], which).astype(np.float32)
        counts = members.sum(axis=1, keepdims=True)
        centres = np.where(counts > 0, members @ vectors / np.maximum(counts, 1), centres)
    return centres.astype(np.float32)
