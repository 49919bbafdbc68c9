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
# A list of labels takes 8 bytes a photo at most: these are enough for two million photos, and read within seconds.
_MOST = 16_000_000


def read(path: Path) -> dict[str, np.ndarray]:
    """Name -> values. Anything but real numbers is left out."""
    with path.open("rb") as file:
        data = file.read(_HEADER + _MOST + 1)
    order = {b"IM": "<", b"MI": ">"}.get(data[_HEADER - 2 : _HEADER])
    if order is None:
        raise UserError(f"{path} is not a MATLAB 5 file: delete it to fetch it again")
    try:
        return dict(_arrays(_unpacked(data[_HEADER:], order), order))
    except (struct.error, zlib.error, ValueError, KeyError) as error:
        raise UserError(f"{path} is damaged or cut short ({error}): delete it to fetch it again") from None


def _unpacked(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """The elements of a file, those of compressed ones in their place."""
    left = _MOST - len(data)
    _check(left)
    for kind, content in _elements(data, order):
        if kind != _COMPRESSED:
            yield kind, content
            continue
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(content, left + 1)
        left -= len(content)
        _check(left)
        if not unpacker.eof:
            raise ValueError("a compressed part is cut short")
        yield from _elements(content, order)


def _check(left: int) -> None:
    if left < 0:
        raise ValueError(f"it unpacks to more than {_MOST / 1e6:.0f} MB")


def _arrays(elements: Iterator[tuple[int, bytes]], order: str) -> Iterator[tuple[str, np.ndarray]]:
    for kind, content in elements:
        if kind == _MATRIX:
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
