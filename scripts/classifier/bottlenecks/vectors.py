"""Cached bottlenecks, for training."""

from __future__ import annotations

import numpy as np

from ..errors import UserError
from .parts import Part
from .places import part_of, row_of


class CachedVectors:
    """Vectors that stay on disk and are read a few at a time."""

    def __init__(self, parts: list[Part], places: np.ndarray, size: int, keys_begin: np.ndarray | None):
        """`keys_begin`, the first uint64 of each key, is given if records still have to be checked."""
        self._parts, self._places, self.size, self._keys_begin = parts, places, size, keys_begin

    def __len__(self) -> int:
        return len(self._places)

    def at(self, positions: np.ndarray) -> CachedVectors:
        """A selection of them, still on disk."""
        begin = None if self._keys_begin is None else self._keys_begin[positions]
        return CachedVectors(self._parts, self._places[positions], self.size, begin)

    def take(self, positions: np.ndarray) -> np.ndarray:
        """The vectors at these positions, as float32 [len(positions), size]."""
        out = np.empty((len(positions), self.size), np.float32)
        places = self._places[positions]
        numbers, rows = part_of(places), row_of(places)
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
            f"cannot use {error.filename or part.path}: {error.strerror}; check the disk, then run again"
        ) from None
    if len(wrong):
        raise UserError(
            f"{part.path}: {_counted(len(wrong))} damaged (the first is record {wrong[0]}): run again to recompute "
            "what is damaged"
        )


def _counted(bottlenecks: int) -> str:
    return "1 cached bottleneck is" if bottlenecks == 1 else f"{bottlenecks} cached bottlenecks are"
