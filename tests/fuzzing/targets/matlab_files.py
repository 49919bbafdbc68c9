"""MATLAB files of labels and sets, as Oxford publishes them."""

from __future__ import annotations

import random
import struct
import zlib
from pathlib import Path

import numpy as np

from scripts.classifier.fetching import oxford_flowers

from ..mutations import mutate, number
from ..target import Files, Target

_LABELS, _SETS = "imagelabels.mat", "setid.mat"
_DOUBLE, _BYTES = (6, 9, "f8"), (9, 2, "u1")  # a matrix's class, the type of its numbers, and that in NumPy's words


def _element(order: str, kind: int, content: bytes) -> bytes:
    return struct.pack(f"{order}II", kind, len(content)) + content + bytes(-len(content) % 8)


def _small(order: str, kind: int, content: bytes) -> bytes:
    head = (len(content) << 16 | kind).to_bytes(4, "little" if order == "<" else "big")
    return head + content.ljust(4, b"\0")


def _matrix(order: str, name: str, values: list[int], stored: tuple[int, int, str]) -> bytes:
    matrix_class, kind, dtype = stored
    named = name.encode()
    parts = [
        _element(order, 6, struct.pack(f"{order}II", matrix_class, 0)),
        _element(order, 5, struct.pack(f"{order}ii", 1, len(values))),
        _small(order, 1, named) if len(named) <= 4 else _element(order, 1, named),
        _element(order, kind, np.array(values, f"{order}{dtype}").tobytes()),
    ]
    return _element(order, 14, b"".join(parts))


def _compressed(order: str, element: bytes) -> bytes:
    content = zlib.compress(element)
    return struct.pack(f"{order}II", 15, len(content)) + content


def _file(order: str, *elements: bytes) -> bytes:
    mark = struct.pack(f"{order}H", 0x0100) + (b"IM" if order == "<" else b"MI")
    return b"MATLAB 5.0 MAT-file".ljust(124) + mark + b"".join(elements)


def _samples() -> list[Files]:
    made = []
    sets = {"trnid": [1, 2], "valid": [3], "tstid": [4, 5, 6]}
    kinds = (("<", _DOUBLE, True), ("<", _BYTES, False), (">", _DOUBLE, False), (">", _BYTES, True))
    for order, stored, packed in kinds:
        pack = _compressed if packed else (lambda order, element: element)
        labels = _file(order, pack(order, _matrix(order, "labels", [1, 2, 77, 102, 3, 3], stored)))
        parts = (pack(order, _matrix(order, name, numbers, stored)) for name, numbers in sets.items())
        made.append({_LABELS: labels, _SETS: _file(order, *parts)})
    return made


def _read(folder: Path) -> None:
    oxford_flowers._places(folder / _LABELS, folder / _SETS)


def _unpacked(data: bytes, chance: random.Random) -> bytes | None:
    """A compressed element damaged within."""
    at = 128
    order = "<" if data[126:128] == b"IM" else ">"
    elements = []
    while at + 8 <= len(data):
        kind, length = struct.unpack_from(f"{order}II", data, at)
        if kind != 15:
            break
        elements.append((at, length))
        at += 8 + length
    if not elements:
        return None
    at, length = chance.choice(elements)
    try:
        content = zlib.decompress(data[at + 8 : at + 8 + length])
    except zlib.error:
        return None
    damaged = _words(content, chance) if chance.random() < 0.5 else mutate(content, [content], chance)
    return data[:at] + _compressed(order, damaged or content) + data[at + 8 + length :]


def _words(data: bytes, chance: random.Random) -> bytes | None:
    """An aligned word of four bytes replaced by an interesting number, as kinds, sizes and lengths are."""
    if len(data) < 8:
        return None
    at = 4 * chance.randrange(len(data) // 4)
    written = (number(chance) % (1 << 32)).to_bytes(4, chance.choice(["little", "big"]))
    return data[:at] + written + data[at + 4 :]


TARGET = Target("matlab", _samples, _read, inputs=4000, own=(_unpacked, _words))
