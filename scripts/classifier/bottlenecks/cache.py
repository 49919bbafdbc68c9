"""The bottleneck cache: a folder of parts, each an array of self-checking records (`parts`).

A cache folder belongs to one way of computing vectors (`identity`: backbone, weights, preprocessing, precision). It
holds part-0000.bottlenecks, part-0001... A run appends to the first part that no other run has locked, so there are
as many parts as runs ever wrote at once. The system drops the lock of a killed process. A record that a killed run left
half-written, or that the disk damaged, fails its checksum: it counts as absent, and its place is reused.

Records are checked when they are looked up. In a large cache, that would mean reading everything, so they are checked
when their vectors are read.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from .. import atomic_files
from ..errors import UserError
from .key_index import KEY_BYTES, NOWHERE, KeyIndex, as_array
from .parts import Part
from .places import part_of, place_of, row_of
from .vectors import CachedVectors

__all__ = ["KEY_BYTES", "BottleneckCache"]

_MOST_MAPPED = 64 << 20
_MOST_CHECKED_AT_LOOK_UP = 2 << 30


class BottleneckCache:
    """The records in the cache folder, and a place to add more. Safe to use from several threads."""

    def __init__(
        self,
        folder: Path,
        identity: str,
        size: int,
        about: dict | None = None,
        most_checked_at_look_up: int = _MOST_CHECKED_AT_LOOK_UP,
    ):
        """`size` is the length of a vector; `about` is stored beside the parts for people who look inside."""
        self.folder, self.size = folder, size
        self._identity = identity
        self._about = {**(about or {}), "identity": identity, "values": size}
        self._most_checked_at_look_up = most_checked_at_look_up
        self._parts: list[Part] = []
        self._index = KeyIndex()
        self._free: set[int] = set()  # places of damaged records, to be overwritten
        self._own: int | None = None  # the part that this run may write to
        self._lock = threading.Lock()
        self.added = 0
        self.damaged = 0  # records looked up so far that failed their checksum
        self.refresh()

    @property
    def bottleneck_dir(self) -> Path:
        """The folder of all networks' caches, which also holds what is known about photos."""
        return self.folder.parent

    def refresh(self) -> None:
        """Picks up records that other processes have added; cheap if there are none."""
        with self._lock:
            known = {part.path for part in self._parts}
            paths = sorted(path for path in self.folder.glob("part-*.bottlenecks") if path not in known)
            self._parts += [Part(path, self.size, self._identity) for path in paths]
            self._look_again(range(len(self._parts)))

    def __contains__(self, key: bytes) -> bool:
        return bool(self.present([key])[0])

    def present(self, keys: Iterable[bytes]) -> np.ndarray:
        """Which keys have a record, as bool [n]."""
        with self._lock:
            return self._find(as_array(keys)) != NOWHERE

    def add(self, keys: list[bytes], vectors: np.ndarray) -> None:
        """Stores float32 vectors [len(keys), size]; once it returns, they survive kill -9."""
        vectors = np.ascontiguousarray(vectors, "<f4")
        with self._lock:
            number = self._part_to_write()
            part = self._parts[number]
            mine = sorted(place for place in self._free if part_of(place) == number)[: len(keys)]
            try:
                rows = part.write(keys, vectors, [row_of(place) for place in mine])
            except OSError as error:
                raise UserError(
                    f"cannot write to {part.path}: {error.strerror}; free some space or give another "
                    "--bottleneck_dir, then run again: bottlenecks computed so far are kept"
                ) from None
            part.keep_keys()
            self._free.difference_update(mine)
            self._index.note(as_array(keys), place_of(number, np.array(rows, np.int64)))
            self.added += len(keys)

    def sync(self) -> None:
        """Once this returns, all machines that share the folder see what was added, and it survives a power cut."""
        if self._own is not None:
            self._parts[self._own].sync()

    def vectors(self, keys: Iterable[bytes] | np.ndarray) -> CachedVectors:
        """The vectors of keys that are all in the cache, in order; an array of keys is uint64 [n, 2]."""
        keys = keys if isinstance(keys, np.ndarray) else as_array(keys)
        with self._lock:
            places = self._find(keys)
            if (places == NOWHERE).any():
                raise KeyError(keys[np.argmin(places)].tobytes())
            small = sum(part.size_in_bytes for part in self._parts) <= _MOST_MAPPED
            for part in self._parts:
                part.map(small)
            return CachedVectors(self._parts, places, self.size, None if self._checks_at_look_up else keys[:, 0].copy())

    def close(self) -> None:
        for part in self._parts:
            part.close()

    @property
    def _checks_at_look_up(self) -> bool:
        return sum(part.size_in_bytes for part in self._parts) <= self._most_checked_at_look_up

    def _find(self, keys: np.ndarray) -> np.ndarray:
        places = self._index.find(keys)
        if self._checks_at_look_up:
            numbers = part_of(places)
            for number in np.unique(numbers[places != NOWHERE]):
                mine = np.flatnonzero(numbers == number)
                held = self._parts[number].hold(row_of(places[mine]), keys[mine])
                for at in mine[~held]:
                    places[at] = self._sound_place(keys[at : at + 1], int(places[at]))
        return places

    def _sound_place(self, key: np.ndarray, place: int) -> int:
        """`place` or the next place of the key [1, 2] that holds a sound record, else NOWHERE."""
        while place != NOWHERE:
            there = self._parts[part_of(place)].sound_key(row_of(place))
            if there == key.tobytes():
                break
            self._index.forget(key.tobytes(), place)
            if there is None:
                self.damaged += 1
                self._free.add(place)
            else:  # overwritten by another run, or the keys beside the part are wrong
                self._index.note(as_array([there]), np.array([place]))
            place = int(self._index.find(key)[0])
        return place

    def _look_again(self, numbers: Iterable[int]) -> None:
        """Picks up records that were appended to these parts, or written over damaged ones."""
        for number in numbers:
            part = self._parts[number]
            first, keys, missing = part.new_keys()
            places = place_of(number, np.arange(first, first + len(keys)))
            if missing.any():
                self._free.update(places[missing].tolist())
                keys, places = keys[~missing], places[~missing]
            self._index.note(keys, places)
            part.keep_keys()
        for place in [place for place in self._free if part_of(place) in numbers]:
            if (key := self._parts[part_of(place)].sound_key(row_of(place))) is not None:
                self._free.remove(place)
                self._index.note(as_array([key]), np.array([place]))

    def _part_to_write(self) -> int:
        if self._own is None:
            self._make_folder()
            number = 0
            while True:
                if number == len(self._parts):
                    self._parts.append(Part(self._unused_path(), self.size, self._identity))
                if self._parts[number].own():
                    break
                number += 1
            self._own = number
            # Another run may have added to it after our last look and before our lock.
            self._look_again([number])
        return self._own

    def _unused_path(self) -> Path:
        taken = {part.path for part in self._parts}
        paths = (self.folder / f"part-{number:04d}.bottlenecks" for number in range(len(taken) + 1))
        return next(path for path in paths if path not in taken)

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot create {self.folder}: {error.strerror}; give another --bottleneck_dir") from None
        about = self.folder / "about.json"
        if not about.exists():
            atomic_files.write_text(about, json.dumps(self._about, indent=2) + "\n")
