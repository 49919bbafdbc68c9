"""Finds the records of millions of keys, with a few dozen bytes of memory per key."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

KEY_BYTES = 16
NOWHERE = -1

# New keys wait in a dictionary, up to this many: adding one is instant, but it takes ten times the memory of arrays.
_MOST_WAITING = 1 << 16
# Keys are looked up in sorted batches of this size, so that neighbours are found in nearby memory.
_KEYS_AT_ONCE = 1 << 20

# Multiplying by any odd number keeps numbers distinct; this one, from Fibonacci hashing, also spreads them.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


def as_array(keys: Iterable[bytes]) -> np.ndarray:
    """Keys as uint64 [n, 2]; `.tobytes()` of a row is the key again."""
    return np.frombuffer(b"".join(keys), "<u8").reshape(-1, 2)


class KeyIndex:
    """key -> place, a number that the caller chooses. A key may have several places."""

    def __init__(self) -> None:
        # Sorted by a mixture of both halves of a key; given one half, the mixture determines the other.
        self._sorted: np.ndarray = np.empty(0, np.uint64)
        self._halves: np.ndarray = np.empty(0, np.uint64)
        self._places: np.ndarray = np.empty(0, np.int64)
        self._unsorted: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._waiting: dict[bytes, list[int]] = {}

    def note(self, keys: np.ndarray, places: np.ndarray) -> None:
        """Adds keys [n, 2] and the place of each."""
        if len(self._waiting) + len(keys) <= _MOST_WAITING:
            for key, place in zip(keys, places.tolist(), strict=True):
                self._waiting.setdefault(key.tobytes(), []).append(place)
            return
        waited = [(key, place) for key, several in self._waiting.items() for place in several]
        self._waiting = {}
        self._note_unsorted(as_array(key for key, _ in waited), np.array([place for _, place in waited], np.int64))
        self._note_unsorted(keys, places)

    def forget(self, key: bytes, place: int) -> None:
        self._sort()
        if key in self._waiting:
            self._waiting[key] = [other for other in self._waiting[key] if other != place]
        one = as_array([key])
        at = slice(*(np.searchsorted(self._sorted, _mixed(one)[0], side) for side in ("left", "right")))
        self._places[at][(self._halves[at] == one[0, 1]) & (self._places[at] == place)] = NOWHERE

    def find(self, keys: np.ndarray) -> np.ndarray:
        """One place for each key [n, 2], or NOWHERE."""
        self._sort()
        found = np.empty(len(keys), np.int64)
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            found[start : start + _KEYS_AT_ONCE] = self._find_sorted(keys[start : start + _KEYS_AT_ONCE])
        if self._waiting:
            for at in np.flatnonzero(found == NOWHERE):
                if places := self._waiting.get(keys[at].tobytes()):
                    found[at] = places[-1]
        return found

    def _find_sorted(self, keys: np.ndarray) -> np.ndarray:
        found = np.full(len(keys), NOWHERE, np.int64)
        mixed = _mixed(keys)
        asked = np.argsort(mixed)
        at = np.searchsorted(self._sorted, mixed[asked])
        # Nearly always one pass. Other places of a key, and keys with the same mixture, come right after it.
        while len(asked):
            inside = at < len(self._sorted)
            inside[inside] = self._sorted[at[inside]] == mixed[asked[inside]]
            asked, at = asked[inside], at[inside]
            hit = (self._halves[at] == keys[asked, 1]) & (self._places[at] != NOWHERE)
            found[asked[hit]] = self._places[at[hit]]
            asked, at = asked[~hit], at[~hit] + 1
        return found

    def _note_unsorted(self, keys: np.ndarray, places: np.ndarray) -> None:
        self._unsorted.append((_mixed(keys), keys[:, 1].copy(), places))

    def _sort(self) -> None:
        if not self._unsorted:
            return
        mixed, halves, places = map(np.concatenate, zip(*self._unsorted, strict=True))
        self._unsorted = []
        order = np.argsort(mixed)
        mixed, halves, places = mixed[order], halves[order], places[order]
        if len(self._sorted):
            before = np.searchsorted(self._sorted, mixed)
            mixed = np.insert(self._sorted, before, mixed)
            halves = np.insert(self._halves, before, halves)
            places = np.insert(self._places, before, places)
        self._sorted, self._halves, self._places = mixed, halves, places


def _mixed(keys: np.ndarray) -> np.ndarray:
    return keys[:, 0] ^ (keys[:, 1] * _SPREAD)
