"""One file of the bottleneck cache: an array of self-checking records, written by one process at a time.

A record is

    key       16 bytes   identifies the photo's content and the view
    checksum   4 bytes   crc32 over identity, key and vector
    vector     4 x size  float32, little-endian
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from .. import atomic_files
from ..errors import UserError
from . import key_blocks
from .key_blocks import KeyBlocks
from .key_index import KEY_BYTES

_HEAD_BYTES = KEY_BYTES + 4
_MOST_DIGITS = 18  # of a row's number: more would not fit into 64 bits


class Part:
    """Reads record by record, unless it is mapped into memory.

    Only small caches are mapped. Mapped pages count as this process's memory, and Linux maps far more around a page
    than was asked for: after 50 reads of 4,000 scattered vectors, all of a 3.3 GB file counted, and it was no faster.
    """

    def __init__(self, path: Path, size: int, identity: str):
        self.path, self._seed = path, zlib.crc32(identity.encode())
        self._record_bytes = _HEAD_BYTES + 4 * size
        self._file, self._read_only = _opened(path)
        self._blocks = KeyBlocks(path.with_suffix(".keys"), identity)
        self._missing_blocks: set[int] = set()
        self._suspects = path.with_suffix(".suspects")
        self._table: np.ndarray | None = None
        self._sound = np.zeros(0, bool)  # records whose checksum has been verified
        self._owned = False
        self.rows = 0

    @property
    def size_in_bytes(self) -> int:
        return self.rows * self._record_bytes

    def new_keys(self) -> tuple[int, np.ndarray, np.ndarray]:
        """Records appended since the last call: the first row, keys [n, 2], and which rows hold no record.

        A truncated last record does not count.
        """
        first = self.rows
        # On a network file system, a file's size may be seconds old unless the file is opened again.
        with contextlib.suppress(OSError):
            os.close(os.open(self.path, os.O_RDONLY))
        self.rows = max(first, os.fstat(self._file).st_size // self._record_bytes)
        keys = np.empty((self.rows - first, 2), "<u8")
        there = np.ones(len(keys), bool)
        for block in range(first // key_blocks.ROWS, -(-self.rows // key_blocks.ROWS)):
            start, end = max(first, block * key_blocks.ROWS), min(self.rows, (block + 1) * key_blocks.ROWS)
            rows = slice(start - first, end - first)
            kept = self._kept_keys(block) if end % key_blocks.ROWS == 0 else None
            if kept is None:
                keys[rows], there[rows] = self._keys_of_records(start, end)
            else:
                keys[rows] = kept[start - end :]
        for row in self._suspected() if len(keys) else []:
            if first <= row < self.rows:
                key = self.sound_key(row)
                there[row - first] = key is not None
                if key is not None:
                    keys[row - first] = np.frombuffer(key, "<u8")
        return first, keys, ~there

    def sound_key(self, row: int) -> bytes | None:
        """The key of the record there, or None if its checksum does not fit."""
        try:
            record = os.pread(self._file, self._record_bytes, row * self._record_bytes)
        except OSError:
            return None  # unreadable is as good as damaged
        key = record[:KEY_BYTES]
        if len(record) < self._record_bytes or record[:_HEAD_BYTES] != _head(key, record[_HEAD_BYTES:], self._seed):
            return None
        return key

    def hold(self, rows: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Which of these rows hold a sound record of the matching key [n, 2]. Each is read only the first time."""
        held = self._are_sound(rows)
        unseen = np.flatnonzero(~held)
        expected = np.ascontiguousarray(keys[unseen]).view(f"V{KEY_BYTES}").ravel().tolist()
        held[unseen] = [self.sound_key(row) == key for row, key in zip(rows[unseen].tolist(), expected, strict=True)]
        self._mark_sound(rows[held])
        return held

    def map(self, mapped: bool) -> None:
        if not mapped or not self.rows:
            self._table = None
        elif self._table is None or len(self._table) < self.rows:
            pages = mmap.mmap(self._file, self.size_in_bytes, prot=mmap.PROT_READ)
            self._table = np.frombuffer(pages, "<f4").reshape(self.rows, -1)

    def take(self, rows: np.ndarray, out: np.ndarray) -> None:
        """The vectors of records that are known to be sound."""
        if self._table is not None:
            out[:] = self._table[rows, _HEAD_BYTES // 4 :]
            return
        for row, vector in zip(rows.tolist(), out, strict=True):
            if os.preadv(self._file, [vector.data], row * self._record_bytes + _HEAD_BYTES) < vector.nbytes:
                raise UserError(f"{self.path} was truncated by another program: run again")

    def take_checked(self, rows: np.ndarray, keys_begin: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Reads vectors of unchecked records, whose keys should begin with these uint64; returns the wrong rows."""
        heads = np.zeros((len(rows), _HEAD_BYTES), np.uint8)
        for row, head, vector in zip(rows.tolist(), heads, out, strict=True):
            os.preadv(self._file, [head.data, vector.data], row * self._record_bytes)
        right = np.ascontiguousarray(heads[:, :8]).view("<u8")[:, 0] == keys_begin
        for at in np.flatnonzero(right & ~self._are_sound(rows)):
            head = heads[at].tobytes()
            right[at] = head == _head(head[:KEY_BYTES], out[at].tobytes(), self._seed)
        self._mark_sound(rows[right])
        return np.unique(rows[~right])

    def suspect(self, rows: Iterable[int]) -> None:
        """Marks records to be checked by every later opening of the part."""
        with open(self._suspects, "a") as file:
            file.write("".join(f"{row}\n" for row in rows))

    def own(self) -> bool:
        """Tries to lock the part for writing until it is closed; False if another process holds it, or none may."""
        if self._read_only:
            return False
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise UserError(f"cannot lock {self.path}: {error.strerror}; give a local --bottleneck_dir") from None
        self._owned = True
        return True

    def write(self, keys: list[bytes], vectors: np.ndarray, reusable: list[int]) -> list[int]:
        """Fills the reusable rows first, then appends; returns the rows used."""
        records = [
            _head(key, vector, self._seed) + vector
            for key, vector in zip(keys, (vector.tobytes() for vector in vectors), strict=True)
        ]
        for record, row in zip(records, reusable, strict=False):
            block = row // key_blocks.ROWS
            if self._blocks.read(block) is not None:
                self._blocks.erase(block)
                self._missing_blocks.add(block)
            self._write_at(row, record)
        appended = records[len(reusable) :]
        end = self.rows
        self._write_at(end, b"".join(appended))
        self.rows += len(appended)
        self._missing_blocks.update(range(end // key_blocks.ROWS, self.rows // key_blocks.ROWS))
        rows = reusable + list(range(end, self.rows))
        self._mark_sound(np.array(rows, np.int64))
        return rows

    def keep_keys(self) -> None:
        """Writes the missing blocks of keys beside the part, unless another process has locked the part."""
        if not self._missing_blocks:
            return
        ours = self._owned
        # If this fails, the next opening only takes longer.
        with contextlib.suppress(OSError, UserError):
            if ours or self.own():
                for block in sorted(self._missing_blocks):
                    start = block * key_blocks.ROWS
                    self._blocks.write(block, self._keys_of_records(start, start + key_blocks.ROWS)[0])
        if self._owned and not ours:
            fcntl.flock(self._file, fcntl.LOCK_UN)
            self._owned = False
        self._missing_blocks.clear()

    def sync(self) -> None:
        os.fsync(self._file)

    def close(self) -> None:
        self._blocks.close()
        os.close(self._file)

    def _kept_keys(self, block: int) -> np.ndarray | None:
        """The keys beside the part, if they match the part as it is now."""
        keys = self._blocks.read(block)
        if keys is not None and self._head_at((block + 1) * key_blocks.ROWS - 1)[:KEY_BYTES] == keys[-1].tobytes():
            return keys
        self._missing_blocks.add(block)
        return None

    def _keys_of_records(self, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """Keys [n, 2], and which rows are not empty: another computer may still be writing some."""
        heads = np.frombuffer(b"".join(map(self._head_at, range(start, end))), np.uint8).reshape(-1, _HEAD_BYTES)
        return np.ascontiguousarray(heads[:, :KEY_BYTES]).view("<u8"), np.any(heads, axis=1)

    def _head_at(self, row: int) -> bytes:
        try:
            return os.pread(self._file, _HEAD_BYTES, row * self._record_bytes).ljust(_HEAD_BYTES, b"\0")
        except OSError:
            return bytes(_HEAD_BYTES)

    def _suspected(self) -> list[int]:
        """Lines that are no numbers of rows, as damage leaves them, say nothing."""
        with contextlib.suppress(OSError):
            lines = self._suspects.read_bytes().splitlines()
            return sorted({int(line) for line in lines if line.isdigit() and len(line) <= _MOST_DIGITS})
        return []

    def _are_sound(self, rows: np.ndarray) -> np.ndarray:
        """Which rows are known to be sound."""
        known = rows < len(self._sound)
        known[known] = self._sound[rows[known]]
        return known

    def _mark_sound(self, rows: np.ndarray) -> None:
        after = int(rows.max(initial=-1)) + 1
        if after > len(self._sound):
            self._sound = np.concatenate([self._sound, np.zeros(max(after, self.rows) - len(self._sound) + 1024, bool)])
        self._sound[rows] = True

    def _write_at(self, row: int, data: bytes) -> None:
        offset = row * self._record_bytes
        while data:
            written = os.pwrite(self._file, data, offset)
            data, offset = data[written:], offset + written


def _opened(path: Path) -> tuple[int, bool]:
    """The file, made if it is missing, and whether it can only be read, as in a folder shared by a class."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666), False
    except OSError as error:
        if error.errno in atomic_files.READ_ONLY:
            with contextlib.suppress(OSError):
                return os.open(path, os.O_RDONLY), True
        raise UserError(f"cannot open {path}: {error.strerror}; give another --bottleneck_dir") from None


def _head(key: bytes, vector: bytes, seed: int) -> bytes:
    return key + zlib.crc32(vector, zlib.crc32(key, seed)).to_bytes(4, "little")
