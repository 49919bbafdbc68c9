"""Decides who may add a block's vectors to the cache: the last attempt that began it, and nobody else.

A worker that was cut off may keep computing long after its block was given to another. Each attempt appends its name
to the block's claim, a file in the shared folder, and adds to the cache only while it holds a lock on that file and its
name is still the last. Once an attempt has written its name, earlier ones add nothing more.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from ..cache import BottleneckCache

# The most work that is lost when a worker is killed.
_SECONDS_BETWEEN_WRITES = 2.0


class Superseded(Exception):
    """Another attempt has taken the block over, or the run is over."""


class Claim:
    """One attempt's right to a block."""

    def __init__(self, path: Path, holder: str):
        """Takes over the block from whoever had it. `holder` says where this attempt runs."""
        self._path = path
        self._mine = f"{secrets.token_hex(8)} {holder}"
        with self._locked() as file:
            self.earlier = [line.partition(" ")[2] for line in _lines(file)]  # holders of earlier attempts
            os.write(file, f"{self._mine}\n".encode())
            os.fsync(file)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """While the context lasts, nobody can take over the block; raises Superseded if somebody already has."""
        with self._locked() as file:
            if _lines(file)[-1:] != [self._mine]:
                raise Superseded
            yield

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except FileNotFoundError:
            raise Superseded from None  # the run's folder is gone
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)


def wait_until_free(path: Path) -> None:
    """Waits until whoever is adding under this claim has finished."""
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def _lines(file: int) -> list[str]:
    content = os.pread(file, os.fstat(file).st_size, 0).decode()
    return content.split("\n")[:-1]  # an unfinished line, left by a killed attempt, does not count


class ClaimedCache:
    """The cache as an extraction uses it. Adds vectors in batches, and only while the claim is ours."""

    def __init__(self, cache: BottleneckCache, claim: Claim):
        self.added = 0
        self._cache, self._claim = cache, claim
        self._pending: dict[bytes, np.ndarray] = {}
        self._lock = threading.Lock()
        self._written = time.monotonic()

    def __contains__(self, key: bytes) -> bool:
        return bool(self.present([key])[0])

    def present(self, keys: Iterable[bytes]) -> np.ndarray:
        """Which keys have a record or soon will, as bool [n]."""
        keys = list(keys)
        with self._lock:
            return self._cache.present(keys) | np.array([key in self._pending for key in keys], bool)

    def add(self, keys: list[bytes], vectors: np.ndarray) -> None:
        with self._lock:
            self._pending.update(zip(keys, vectors, strict=True))
            if time.monotonic() - self._written > _SECONDS_BETWEEN_WRITES:
                self._write()

    def flush(self) -> None:
        with self._lock:
            self._write()

    def _write(self) -> None:
        with self._claim.held():
            # The same picture may be in another worker's block, too.
            self._cache.refresh()
            new = list(itertools.compress(self._pending, ~self._cache.present(self._pending)))
            if new:
                self._cache.add(new, np.stack([self._pending[key] for key in new]))
                self._cache.sync()
                self.added += len(new)
        self._pending.clear()
        self._written = time.monotonic()
