"""The keys of a cache part's records in a file beside the part: opening a large cache reads only these.

part-0000.keys is derived from the part and can be rebuilt from it at any time. It is an array of blocks. Each holds the
keys of ROWS consecutive records and a crc32 over the cache's identity, the block's number and the keys. A block is
written once all of its records are.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import numpy as np

from .key_index import KEY_BYTES

ROWS = 1024
_KEYS_BYTES = ROWS * KEY_BYTES
_BLOCK_BYTES = _KEYS_BYTES + 4


class KeyBlocks:
    """Only the process that may write to the part may write here."""

    def __init__(self, path: Path, identity: str):
        self._path, self._seed = path, zlib.crc32(identity.encode())
        self._file: int | None = None
        self._writable = False

    def read(self, block: int) -> np.ndarray | None:
        """The keys [ROWS, 2] of the records from block * ROWS on, or None if they are missing or damaged."""
        if self._file is None:
            try:
                self._file = os.open(self._path, os.O_RDONLY)
            except OSError:
                return None
        data = os.pread(self._file, _BLOCK_BYTES, block * _BLOCK_BYTES)
        if len(data) < _BLOCK_BYTES or data[_KEYS_BYTES:] != self._checksum(block, data[:_KEYS_BYTES]):
            return None
        return np.frombuffer(data, "<u8", 2 * ROWS).reshape(ROWS, 2)

    def write(self, block: int, keys: np.ndarray) -> None:
        data = keys.tobytes()
        self._write(block, data + self._checksum(block, data))

    def erase(self, block: int) -> None:
        """Must be called before one of its records changes."""
        self._write(block, bytes(_BLOCK_BYTES))

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self, block: int, data: bytes) -> None:
        if self._file is None or not self._writable:
            self.close()
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            self._writable = True
        os.pwrite(self._file, data, block * _BLOCK_BYTES)

    def _checksum(self, block: int, keys: bytes) -> bytes:
        return zlib.crc32(keys, zlib.crc32(block.to_bytes(8, "little"), self._seed)).to_bytes(4, "little")
