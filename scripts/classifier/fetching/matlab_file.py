"""Reads the arrays of numbers in a MATLAB 5 file (.mat)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import UserError

_HEADER = 128  # text that ends in a version and two letters for the byte order
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_FIRST_CLASS, _LAST_CLASS = 6, 15  # matrices of numbers; other classes are text, cells, structures ...
_COMPLEX = 0x800


def read(path: Path) -> dict[str, np.ndarray]:
    """Name -> values. Anything but real numbers is left out."""
    data = path.read_bytes()
    order = {b"IM": "<", b"MI": ">"}.get(data[_HEADER - 2 : _HEADER])
    if order is None:
        raise UserError(f"{path} is not a MATLAB 5 file: delete it to fetch it again")
    try:
        return dict(_arrays(data[_HEADER:], order))
    except (struct.error, zlib.error, ValueError, KeyError) as error:
        raise UserError(f"{path} is damaged or cut short ({error}): delete it to fetch it again") from None


def _arrays(data: bytes, order: str) -> Iterator[tuple[str, np.ndarray]]:
    for kind, content in _elements(data, order):
        if kind == _COMPRESSED:
            yield from _arrays(zlib.decompress(content), order)
        elif kind == _MATRIX:
            (_, flags), (_, sizes), (_, name), *parts = _elements(content, order)
            (flags, _) = struct.unpack(f"{order}II", flags)
            if _FIRST_CLASS <= flags & 0xFF <= _LAST_CLASS and not flags & _COMPLEX:
                ((stored, values),) = parts
                numbers = np.frombuffer(values, np.dtype(f"{order}{_NUMBERS[stored]}"))
                yield name.decode("ascii"), numbers.reshape(np.frombuffer(sizes, f"{order}i4"), order="F")


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """(kind, content). Short contents share the eight bytes of kind and length."""
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from(f"{order}II", data, at)
        if kind >> 16:
            kind, length, start = kind & 0xFFFF, kind >> 16, at + 4
            after = at + 8
        else:
            start = at + 8
            # Uncompressed content is padded to a multiple of eight bytes.
            after = start + (length if kind == _COMPRESSED else -(-length // 8) * 8)
        if start + length > len(data):
            raise ValueError("a part is longer than what is left")
        yield kind, data[start : start + length]
        at = after
