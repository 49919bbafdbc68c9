"""Finds photos that are nearly identical though they sit in different sets or under different labels.

Two photos are nearly identical where their perceptual hashes are, or where the hashes are merely alike but the
network's vectors agree. All limits were chosen on real photos, by looking at the pairs just within and just beyond.

Measured: of 395 flower photos, all are found in the company of 2,922 that hold copies of them 200 pixels high, 393 by
their hashes alone. Beyond those, it names 28 pairs there (15 by hashes alone): the same picture retouched, or a scene
seconds later, all of them. Of 500 photos and their edited copies it finds 99.6 to 100 % recompressed, reduced to a
third, brighter, darker, greyed, noisy or mirrored, 98.6 % cropped by 5 %, half of those cropped by 10 %, and no others.
CIFAR-10's 50,000 pictures are compared in five seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..photos.image_lists import TRAINING
from . import perceptual_hash
from .perceptual_hash import Hashes

# In how many of 64 bits hashes may differ, as they are and with one picture in a mirror. By accident, mirror images
# come as near as originals do, but far fewer of them are meant: they must be nearer.
_SAME, _SAME_MIRRORED = 6, 4
# The same where the vectors agree, too.
_ALIKE, _ALIKE_MIRRORED = 14, 8

# Vectors agree where their cosine, counted from the mean vector, is one that only so few pairs of unrelated photos of
# this very folder reach: what is high for one network is common for another. Unrelated are those with far hashes.
_RARE, _FAR = 1e-4, 22
_SAMPLED_PAIRS, _SAMPLE_SEED = 1 << 18, 0

# Hashes are compared in tiles of so many photos by so many, which stay in the processor's cache.
_TILE_ROWS, _TILE_COLUMNS = 64, 16384
_PAIRS_AT_ONCE = 1 << 13


@dataclass(frozen=True)
class Pair:
    first: int  # rows of photos
    second: int
    distance: int  # in how many of 64 bits their hashes differ
    mirrored: bool  # whether that is with one of them in a mirror
    cosine: float | None  # of their vectors, counted from the mean vector; None without vectors


@dataclass(frozen=True)
class NearIdentical:
    """Nearly identical photos. There may be millions of pairs: listed is the closest one of each photo."""

    across_sets: list[Pair]  # for each photo beside training its closest in another set; the closest pair first
    across_labels: list[Pair]  # for each photo its closest under another label
    pairs: dict[tuple[str, str], int]  # the number of all pairs by the two sets, which may be the same one twice
    copies: dict[tuple[str, str], int]  # (set, other set): how many photos of the one have a copy in the other
    compared: int  # photos that could be compared


def find(hashes: Hashes, splits: list[str], truth: np.ndarray, vectors: np.ndarray | None = None) -> NearIdentical:
    """`splits` and `truth` are each photo's set and label, `vectors` [photos, values] what the network made of it."""
    rows = np.flatnonzero(hashes.usable)
    bits = hashes.bits[rows]
    names, sets = np.unique(np.array([splits[row] for row in rows], str), return_inverse=True)
    agreement = None if vectors is None else _Agreement(vectors[rows].astype(np.float32, copy=False), bits)
    by_set, by_label = _Closest(sets), _Closest(truth[rows])
    pairs = np.zeros((len(names), len(names)), np.int64)
    copies = np.zeros((len(rows), len(names)), bool)
    for first, second, gaps in _near(bits, agreement):
        by_set.add(first, second, gaps)
        by_label.add(first, second, gaps)
        np.add.at(pairs, tuple(np.sort([sets[first], sets[second]], axis=0)), 1)
        copies[first, sets[second]] = copies[second, sets[first]] = True

    def listed(found: list[tuple[int, int]]) -> list[Pair]:
        some = [_pair(bits, agreement, rows, first, second) for first, second in found]
        return sorted(some, key=lambda pair: (pair.distance, -(pair.cosine or 0)))

    held_out = names[sets] != TRAINING
    return NearIdentical(
        listed(by_set.pairs(held_out)),
        listed(by_label.pairs(np.ones(len(rows), bool))),
        {(str(names[a]), str(names[b])): int(pairs[a, b]) for a, b in zip(*np.nonzero(pairs), strict=True)},
        {
            (str(one), str(other)): count
            for a, one in enumerate(names)
            for b, other in enumerate(names)
            if a != b and (count := int(np.count_nonzero(copies[sets == a, b])))
        },
        len(rows),
    )


class _Agreement:
    """Whether vectors say that two photos are nearly identical."""

    def __init__(self, vectors: np.ndarray, bits: np.ndarray):
        """`vectors` is made use of, and changed."""
        self._units = vectors
        self._units -= vectors.sum(axis=0, dtype=np.float64) / max(1, len(vectors))
        self._units /= np.maximum(np.linalg.norm(self._units, axis=1, keepdims=True), 1e-12)
        self.threshold = self._rare(bits)

    def _rare(self, bits: np.ndarray) -> float:
        if len(bits) < 2:
            return np.inf
        first, second = np.random.default_rng(_SAMPLE_SEED).integers(0, len(bits), (2, _SAMPLED_PAIRS))
        apart = np.bitwise_count(bits[first] ^ bits[second])
        in_mirror = np.bitwise_count(bits[first] ^ perceptual_hash.mirrored(bits[second]))
        unrelated = np.minimum(apart, in_mirror) > _FAR
        if not unrelated.any():
            return np.inf
        return float(np.quantile(self.cosines(first[unrelated], second[unrelated]), 1 - _RARE))

    def cosines(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        found = np.empty(len(first), np.float32)
        for at in range(0, len(first), _PAIRS_AT_ONCE):
            some = slice(at, at + _PAIRS_AT_ONCE)
            np.einsum("ij,ij->i", self._units[first[some]], self._units[second[some]], out=found[some])
        return found


class _Closest:
    """Remembers for each photo the closest one of another group."""

    def __init__(self, groups: np.ndarray):
        self._groups = groups
        self._partner = np.full(len(groups), -1)
        self._gap = np.full(len(groups), np.inf)

    def add(self, first: np.ndarray, second: np.ndarray, gaps: np.ndarray) -> None:
        apart = self._groups[first] != self._groups[second]
        first, second, gaps = first[apart], second[apart], gaps[apart]
        for photos, others in ((first, second), (second, first)):
            order = np.lexsort((gaps, photos))
            best = order[np.unique(photos[order], return_index=True)[1]]
            best = best[gaps[best] < self._gap[photos[best]]]
            self._partner[photos[best]], self._gap[photos[best]] = others[best], gaps[best]

    def pairs(self, wanted: np.ndarray) -> list[tuple[int, int]]:
        """(photo, closest) for the wanted photos that have one; two that are each other's closest count once."""
        found: dict[frozenset[int], tuple[int, int]] = {}
        for photo in np.flatnonzero(wanted & (self._partner >= 0)).tolist():
            pair = photo, int(self._partner[photo])
            found.setdefault(frozenset(pair), pair)
        return list(found.values())


def _near(bits: np.ndarray, agreement: _Agreement | None) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(first, second, how far apart) of all nearly identical pairs, each once, tile by tile."""
    in_mirror = perceptual_hash.mirrored(bits)
    limit, limit_mirrored = (_SAME, _SAME_MIRRORED) if agreement is None else (_ALIKE, _ALIKE_MIRRORED)
    for top in range(0, len(bits), _TILE_ROWS):
        some = bits[top : top + _TILE_ROWS]
        for left in range(top, len(bits), _TILE_COLUMNS):
            columns = slice(left, left + _TILE_COLUMNS)
            plain = perceptual_hash.distances(some, bits[columns])
            mirrored = perceptual_hash.distances(some, in_mirror[columns])
            first, second = np.nonzero((plain <= limit) | (mirrored <= limit_mirrored))
            once = first + top < second + left
            first, second = first[once], second[once]
            if len(first):
                found = _judge(agreement, first + top, second + left, plain[first, second], mirrored[first, second])
                if len(found[0]):
                    yield found


def _judge(agreement: _Agreement | None, first, second, plain, mirrored):
    gaps = np.minimum(plain, mirrored).astype(np.float64)
    same = (plain <= _SAME) | (mirrored <= _SAME_MIRRORED)
    if agreement is not None:
        cosines = agreement.cosines(first, second)
        same |= cosines >= agreement.threshold
        gaps -= cosines / 2  # decides between equal distances only
    return first[same], second[same], gaps[same]


def _pair(bits: np.ndarray, agreement: _Agreement | None, rows: np.ndarray, first: int, second: int) -> Pair:
    plain = int(np.bitwise_count(bits[first] ^ bits[second]))
    mirrored = int(np.bitwise_count(bits[first] ^ perceptual_hash.mirrored(bits[second])))
    cosine = None if agreement is None else float(agreement.cosines(np.array([first]), np.array([second]))[0])
    return Pair(int(rows[first]), int(rows[second]), min(plain, mirrored), mirrored < plain, cosine)
