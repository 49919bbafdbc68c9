"""The file format of the bottleneck cache: append-only parts of self-checking records.

A cache folder belongs to one way of making vectors (`identity`: backbone, weights, preprocessing,
precision). It holds part-0000.bottlenecks, part-0001..., each a plain array of records

    key       16 bytes   what the vector was made from: photo content and view
    checksum   4 bytes   crc32 over identity, key and vector
    vector     4 x size  float32, little-endian

A run appends to the first part that no other run is writing to (an flock, which the system drops
when a process is killed), so there are as many parts as there ever were runs at once. A record that
a killed run left half-written, or that the disk damaged, fails its checksum: it counts as absent
and its place is used again.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import threading
import zlib
from pathlib import Path

import numpy as np

from scripts.classifier import atomic_files
from scripts.classifier.errors import UserError

KEY_BYTES = 16
_HEAD_VALUES = (KEY_BYTES + 4) // 4  # key and checksum, counted in float32 values

# Mapped pages count as this process's memory, and Linux maps far more around a page than was asked for: reading
# some rows of a large file here and there would make it count whole.
_LARGEST_MAPPED = 64 << 20


class BottleneckCache:
    """What is in the cache folder, and a place to add to it. Safe to use from several threads."""

    def __init__(self, folder: Path, identity: str, size: int, about: dict | None = None):
        """`size` is the number of values a vector; `about` is kept beside the parts for people who look in."""
        self.folder, self.size = folder, size
        self._seed = zlib.crc32(identity.encode())
        self._about = {**(about or {}), "identity": identity, "values": size}
        self._parts: list[_Part] = []
        self._places: dict[bytes, tuple[int, int]] = {}  # key -> (part, row)
        # Where a key is in several places, those seen earlier: damage can turn one record's key into another's.
        self._earlier: dict[bytes, list[tuple[int, int]]] = {}
        self._sound: set[bytes] = set()  # keys whose checksum has been seen to fit
        self._free_rows: list[tuple[int, int]] = []  # damaged, to be written over
        self._own: int | None = None  # the part that this run may write to
        self._lock = threading.Lock()
        self.added = 0
        self.damaged = 0  # how many of the records asked for so far were there but failed their checksum
        self.refresh()

    def refresh(self) -> None:
        """Sees what other processes have added since; costs next to nothing where that is nothing."""
        with self._lock:
            for number in range(len(self._parts)):
                if number != self._own:
                    self._look_again(number)
            known = {part.path for part in self._parts}
            for path in sorted(self.folder.glob("part-*.bottlenecks")):
                if path not in known:
                    self._open_part(path)

    def __contains__(self, key: bytes) -> bool:
        """Whether a sound record is there. A record's checksum is computed the first time."""
        with self._lock:
            if key in self._sound:
                return True
            while (place := self._places.get(key)) is not None:
                if self._parts[place[0]].is_sound(place[1], key, self._seed):
                    self._sound.add(key)
                    return True
                self.damaged += 1
                self._free_rows.append(place)
                if others := self._earlier.get(key):
                    self._places[key] = others.pop()
                else:
                    del self._places[key]
            return False

    def add(self, keys: list[bytes], vectors: np.ndarray) -> None:
        """Keeps float32 vectors [len(keys), size]; once it returns, kill -9 does not lose them."""
        vectors = np.ascontiguousarray(vectors, "<f4")
        records = [_record(key, vector.tobytes(), self._seed) for key, vector in zip(keys, vectors, strict=True)]
        with self._lock:
            part = self._part_to_write()
            try:
                rows = part.write(records, self._rows_to_reuse(len(records)))
            except OSError as error:
                raise UserError(
                    f"cannot write to {part.path}: {error.strerror}; what was computed before is kept, "
                    "make room or give another --bottleneck_dir and run again"
                ) from None
            self._places.update((key, (self._own, row)) for key, row in zip(keys, rows, strict=True))
            self._sound.update(keys)
            self.added += len(keys)

    def vectors(self, keys: list[bytes]) -> Vectors:
        """The vectors of keys that are all in the cache, in this order."""
        places = np.array([self._places[key] for key in keys], np.int64).reshape(-1, 2)
        for part in self._parts:
            part.map_anew()
        return Vectors(self._parts, places[:, 0], places[:, 1], self.size)

    def close(self) -> None:
        for part in self._parts:
            part.close()

    def _open_part(self, path: Path) -> None:
        self._parts.append(_Part(path, self.size))
        self._index(len(self._parts) - 1)

    def _look_again(self, number: int) -> None:
        """Sees what has been appended to a part that is not ours, and written over what was damaged there."""
        part = self._parts[number]
        part.map_anew()
        self._index(number)
        for place in [place for place in self._free_rows if place[0] == number]:
            key = part.key(place[1])
            if part.is_sound(place[1], key, self._seed):
                self._free_rows.remove(place)
                self._note(key, place)

    def _index(self, number: int) -> None:
        part = self._parts[number]
        for row, key in enumerate(part.keys(part.indexed), part.indexed):
            self._note(key, (number, row))
        part.indexed = part.rows

    def _note(self, key: bytes, place: tuple[int, int]) -> None:
        if key in self._places:
            self._earlier.setdefault(key, []).append(self._places[key])
        self._places[key] = place

    def _part_to_write(self) -> _Part:
        if self._own is None:
            self._make_folder()
            number = 0
            while True:
                if number == len(self._parts):
                    self._open_part(self.folder / f"part-{number:04d}.bottlenecks")
                if self._parts[number].own():
                    break
                number += 1
            self._own = number
            # Another run may have added to it between our last look and our lock.
            self._look_again(number)
        return self._parts[self._own]

    def _rows_to_reuse(self, count: int) -> list[int]:
        ours = [place for place in self._free_rows if place[0] == self._own][:count]
        for place in ours:
            self._free_rows.remove(place)
        return [row for _, row in ours]

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

    def __init__(self, parts: list[_Part], part_of: np.ndarray, row_of: np.ndarray, size: int):
        self._parts, self._part_of, self._row_of, self.size = parts, part_of, row_of, size

    def __len__(self) -> int:
        return len(self._row_of)

    def at(self, positions: np.ndarray) -> Vectors:
        """Some of them, still on disk."""
        return Vectors(self._parts, self._part_of[positions], self._row_of[positions], self.size)

    def take(self, positions: np.ndarray) -> np.ndarray:
        """The vectors at these positions, as float32 [len(positions), size]."""
        out = np.empty((len(positions), self.size), np.float32)
        parts, rows = self._part_of[positions], self._row_of[positions]
        for number, part in enumerate(self._parts):
            mine = parts == number
            if mine.all():
                part.take(rows, out)
                break
            if mine.any():
                out[mine] = part.take(rows[mine], np.empty((np.count_nonzero(mine), self.size), np.float32))
        return out


class _Part:
    """One file of records: mapped into memory while it is small, read record by record once it is large."""

    def __init__(self, path: Path, size: int):
        self.path = path
        self._values = _HEAD_VALUES + size
        self._bytes = 4 * self._values
        self.indexed = 0  # the rows before this one are known by their keys
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise UserError(f"cannot open {path}: {error.strerror}; give another --bottleneck_dir") from None
        self.map_anew()

    def map_anew(self) -> None:
        """Sees what has been written since. A last record that is cut short does not count."""
        self.rows = os.fstat(self._file).st_size // self._bytes
        self._table = None
        if 0 < self.rows * self._bytes <= _LARGEST_MAPPED:
            mapped = mmap.mmap(self._file, self.rows * self._bytes, prot=mmap.PROT_READ)
            self._table = np.frombuffer(mapped, "<f4").reshape(self.rows, self._values)

    def keys(self, first_row: int) -> list[bytes]:
        if self._table is None:
            return [os.pread(self._file, KEY_BYTES, row * self._bytes) for row in range(first_row, self.rows)]
        heads = self._table[first_row:, : KEY_BYTES // 4]
        return np.ascontiguousarray(heads).view(f"V{KEY_BYTES}").ravel().tolist() if len(heads) else []

    def key(self, row: int) -> bytes:
        return os.pread(self._file, KEY_BYTES, row * self._bytes)

    def is_sound(self, row: int, key: bytes, seed: int) -> bool:
        record = os.pread(self._file, self._bytes, row * self._bytes)
        return record[: _HEAD_VALUES * 4] == _head(key, record[_HEAD_VALUES * 4 :], seed)

    def take(self, rows: np.ndarray, out: np.ndarray) -> np.ndarray:
        if self._table is not None:
            out[:] = self._table[rows, _HEAD_VALUES:]
        else:
            for row, vector in zip(rows.tolist(), out, strict=True):
                os.preadv(self._file, [vector], row * self._bytes + _HEAD_VALUES * 4)
        return out

    def own(self) -> bool:
        """Whether nobody else may write to this part until we close it."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise UserError(
                f"cannot lock {self.path}: {error.strerror}; give a --bottleneck_dir on a disk of this computer"
            ) from None
        return True

    def write(self, records: list[bytes], reusable: list[int]) -> list[int]:
        """Writes over the reusable rows first, then appends; gives the rows taken."""
        for record, row in zip(records, reusable, strict=False):
            self._write_at(row, record)
        appended = records[len(reusable) :]
        end = os.fstat(self._file).st_size // self._bytes
        self._write_at(end, b"".join(appended))
        return reusable + list(range(end, end + len(appended)))

    def close(self) -> None:
        os.close(self._file)

    def _write_at(self, row: int, data: bytes) -> None:
        offset = row * self._bytes
        while data:
            written = os.pwrite(self._file, data, offset)
            data, offset = data[written:], offset + written


def _record(key: bytes, vector: bytes, seed: int) -> bytes:
    return _head(key, vector, seed) + vector


def _head(key: bytes, vector: bytes, seed: int) -> bytes:
    return key + zlib.crc32(vector, zlib.crc32(key, seed)).to_bytes(4, "little")
