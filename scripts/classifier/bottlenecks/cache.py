"""The bottleneck cache: a folder of append-only parts, each an array of self-checking records (`cache_parts`).

A cache folder belongs to one way of making vectors (`identity`: backbone, weights, preprocessing,
precision). It holds part-0000.bottlenecks, part-0001... A run appends to the first part that no other run
is writing to (an flock, which the system drops when a process is killed), so there are as many parts as
there ever were runs at once. A record that a killed run left half-written, or that the disk damaged, fails its
checksum: it counts as absent and its place is used again.

Records are checked when they are looked up, or, where that would mean reading a large cache whole, when their
vectors are taken.
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

__all__ = ["KEY_BYTES", "BottleneckCache", "Vectors"]

_MOST_MAPPED = 64 << 20
_MOST_CHECKED_AT_LOOK_UP = 2 << 30

# A place is the number of a part and, below that, of a row.
_ROW_BITS = 40


class BottleneckCache:
    """What is in the cache folder, and a place to add to it. Safe to use from several threads."""

    def __init__(
        self,
        folder: Path,
        identity: str,
        size: int,
        about: dict | None = None,
        most_checked_at_look_up: int = _MOST_CHECKED_AT_LOOK_UP,
    ):
        """`size` is the number of values a vector; `about` is kept beside the parts for people who look in."""
        self.folder, self.size = folder, size
        self._identity = identity
        self._about = {**(about or {}), "identity": identity, "values": size}
        self._most_checked_at_look_up = most_checked_at_look_up
        self._parts: list[Part] = []
        self._index = KeyIndex()
        self._free: set[int] = set()  # places of damaged records, to be written over
        self._own: int | None = None  # the part that this run may write to
        self._lock = threading.Lock()
        self.added = 0
        self.damaged = 0  # how many of the records asked for so far were there but failed their checksum
        self.refresh()

    def refresh(self) -> None:
        """Sees what other processes have added since; costs next to nothing where that is nothing."""
        with self._lock:
            known = {part.path for part in self._parts}
            paths = sorted(path for path in self.folder.glob("part-*.bottlenecks") if path not in known)
            self._parts += [Part(path, self.size, self._identity) for path in paths]
            self._look_again(range(len(self._parts)))

    def __contains__(self, key: bytes) -> bool:
        return bool(self.present([key])[0])

    def present(self, keys: Iterable[bytes]) -> np.ndarray:
        """Of which keys a record is there, as bool [n]."""
        with self._lock:
            return self._find(as_array(keys)) != NOWHERE

    def add(self, keys: list[bytes], vectors: np.ndarray) -> None:
        """Keeps float32 vectors [len(keys), size]; once it returns, kill -9 does not lose them."""
        vectors = np.ascontiguousarray(vectors, "<f4")
        with self._lock:
            number = self._part_to_write()
            part = self._parts[number]
            mine = sorted(place for place in self._free if place >> _ROW_BITS == number)[: len(keys)]
            try:
                rows = part.write(keys, vectors, [_row(place) for place in mine])
            except OSError as error:
                raise UserError(
                    f"cannot write to {part.path}: {error.strerror}; what was computed before is kept, "
                    "make room or give another --bottleneck_dir and run again"
                ) from None
            part.keep_keys()
            self._free.difference_update(mine)
            self._index.note(as_array(keys), _places(number, np.array(rows, np.int64)))
            self.added += len(keys)

    def sync(self) -> None:
        """Once this returns, all machines that share the folder see what was added, and no power cut loses it."""
        if self._own is not None:
            self._parts[self._own].sync()

    def vectors(self, keys: Iterable[bytes] | np.ndarray) -> Vectors:
        """The vectors of keys that are all in the cache, in this order; as an array, keys are uint64 [n, 2]."""
        keys = keys if isinstance(keys, np.ndarray) else as_array(keys)
        with self._lock:
            places = self._find(keys)
            if (places == NOWHERE).any():
                raise KeyError(keys[np.argmin(places)].tobytes())
            small = sum(part.bytes for part in self._parts) <= _MOST_MAPPED
            for part in self._parts:
                part.map(small)
            return Vectors(self._parts, places, self.size, None if self._checks_at_look_up else keys[:, 0].copy())

    def close(self) -> None:
        for part in self._parts:
            part.close()

    @property
    def _checks_at_look_up(self) -> bool:
        return sum(part.bytes for part in self._parts) <= self._most_checked_at_look_up

    def _find(self, keys: np.ndarray) -> np.ndarray:
        places = self._index.find(keys)
        if self._checks_at_look_up:
            numbers = places >> _ROW_BITS
            for number in np.unique(numbers[places != NOWHERE]):
                mine = np.flatnonzero(numbers == number)
                held = self._parts[number].hold(_row(places[mine]), keys[mine])
                for at in mine[~held]:
                    places[at] = self._sound_place(keys[at : at + 1], int(places[at]))
        return places

    def _sound_place(self, key: np.ndarray, place: int) -> int:
        """This place of a key [1, 2], or the next whose record is sound, or NOWHERE."""
        while place != NOWHERE:
            there = self._parts[place >> _ROW_BITS].sound_key(_row(place))
            if there == key.tobytes():
                break
            self._index.forget(key.tobytes(), place)
            if there is None:
                self.damaged += 1
                self._free.add(place)
            else:  # written over by another run, or the keys beside the part are not right
                self._index.note(as_array([there]), np.array([place]))
            place = int(self._index.find(key)[0])
        return place

    def _look_again(self, numbers: Iterable[int]) -> None:
        """Sees what has been appended to these parts, and written over what was damaged there."""
        for number in numbers:
            part = self._parts[number]
            first, keys, missing = part.new_keys()
            places = _places(number, np.arange(first, first + len(keys)))
            if missing.any():
                self._free.update(places[missing].tolist())
                keys, places = keys[~missing], places[~missing]
            self._index.note(keys, places)
            part.keep_keys()
        for place in [place for place in self._free if place >> _ROW_BITS in numbers]:
            if (key := self._parts[place >> _ROW_BITS].sound_key(_row(place))) is not None:
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
            # Another run may have added to it between our last look and our lock.
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
            raise UserError(f"cannot make {self.folder}: {error.strerror}; give another --bottleneck_dir") from None
        about = self.folder / "about.json"
        if not about.exists():
            atomic_files.write_text(about, json.dumps(self._about, indent=2) + "\n")


class Vectors:
    """Vectors that stay on disk, read a few at a time."""

    def __init__(self, parts: list[Part], places: np.ndarray, size: int, keys_begin: np.ndarray | None):
        """`keys_begin`, the first uint64 of each key, is given where records are still to be checked."""
        self._parts, self._places, self.size, self._keys_begin = parts, places, size, keys_begin

    def __len__(self) -> int:
        return len(self._places)

    def at(self, positions: np.ndarray) -> Vectors:
        """Some of them, still on disk."""
        begin = None if self._keys_begin is None else self._keys_begin[positions]
        return Vectors(self._parts, self._places[positions], self.size, begin)

    def take(self, positions: np.ndarray) -> np.ndarray:
        """The vectors at these positions, as float32 [len(positions), size]."""
        out = np.empty((len(positions), self.size), np.float32)
        places = self._places[positions]
        numbers, rows = places >> _ROW_BITS, _row(places)
        for number in np.unique(numbers):
            mine = numbers == number
            alone = mine.all()
            vectors = out if alone else np.empty((np.count_nonzero(mine), self.size), np.float32)
            begin = None if self._keys_begin is None else self._keys_begin[positions[mine]]
            _take(self._parts[number], rows[mine], begin, vectors)
            if not alone:
                out[mine] = vectors
        return out


def _take(part: Part, rows: np.ndarray, keys_begin: np.ndarray | None, out: np.ndarray) -> None:
    try:
        if keys_begin is None:
            part.take(rows, out)
            return
        wrong = part.take_checked(rows, keys_begin, out)
        if len(wrong):
            part.suspect(wrong.tolist())
    except OSError as error:
        raise UserError(
            f"cannot use {error.filename or part.path}: {error.strerror}; once it can be, run again"
        ) from None
    if len(wrong):
        raise UserError(
            f"{part.path}: {len(wrong)} cached bottlenecks are damaged (the first is record {wrong[0]}): run again, "
            "and they are computed anew"
        )


def _places(number: int, rows: np.ndarray) -> np.ndarray:
    return rows | number << _ROW_BITS


def _row(place):
    """Of one place or of an array of them."""
    return place & (1 << _ROW_BITS) - 1
