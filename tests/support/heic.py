"""Writes HEIC files box by box around pictures that an encoder made, for what no encoder writes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parents[1] / "data"
# The side of every picture in tests/data, and the colours of the quarters, by rows.
SIDE = 64
COLOURS = ((220, 40, 40), (40, 200, 60), (50, 60, 210), (230, 220, 60))
ALPHA = b"urn:mpeg:hevc:2015:auxid:1"


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def full_box(kind: bytes, content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags) + content)


@dataclass(frozen=True)
class Item:
    kind: bytes
    data: bytes
    properties: tuple[bytes, ...] = ()
    refers: tuple[bytes, tuple[int, ...]] | None = None  # the kind of reference, and the numbers of items

    def infe(self, number: int) -> bytes:
        return full_box(b"infe", struct.pack(">HH4sB", number, 0, self.kind, 0), 2)


def ispe(width: int, height: int) -> bytes:
    return full_box(b"ispe", struct.pack(">II", width, height))


def coded(
    name: str, *more: bytes, size: tuple[int, int] = (SIDE, SIDE), refers: tuple[bytes, tuple[int, ...]] | None = None
) -> Item:
    """The picture in a file of tests/data: hvcC, then ispe, then more properties."""
    whole = (DATA / f"{name}.heic").read_bytes()
    at = whole.index(b"hvcC") - 4
    hvcc = whole[at : at + int.from_bytes(whole[at : at + 4], "big")]
    data = whole[whole.index(b"mdat") + 4 :]
    return Item(b"hvc1", data, (hvcc, ispe(*size), *more), refers)


def turned(quarters: int) -> bytes:
    """By so many quarters to the left."""
    return box(b"irot", bytes([quarters]))


def mirrored(axis: int) -> bytes:
    """0: upside down; 1: left and right exchanged."""
    return box(b"imir", bytes([axis]))


def described(number: int, orientation: int) -> Item:
    """The EXIF orientation of an item."""
    exif = b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHIHHI", 0x0112, 3, 1, orientation, 0, 0)
    return Item(b"Exif", bytes(4) + exif, refers=(b"cdsc", (number,)))


def alpha_of(number: int) -> Item:
    """Transparent in the upper left quarter."""
    return coded("grey", full_box(b"auxC", ALPHA + b"\0"), refers=(b"auxl", (number,)))


def grid(columns: int, rows: int, size: tuple[int, int], tiles: Sequence[int], *more: bytes) -> Item:
    data = struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, *size)
    return Item(b"grid", data, (ispe(*size), *more), (b"dimg", tuple(tiles)))


def overlay(size: tuple[int, int], layers: Sequence[int]) -> Item:
    data = struct.pack(">BB4HII", 0, 1, 0, 0, 0, 65535, *size) + struct.pack(">ii", 0, 0) * len(layers)
    return Item(b"iovl", data, (ispe(*size),), (b"dimg", tuple(layers)))


def write(*items: Item, primary: int = 1, brands: bytes = b"heicmif1heic") -> bytes:
    """The items get the numbers from 1 on."""
    properties = list(dict.fromkeys(each for item in items for each in item.properties))
    infe = b"".join(item.infe(number) for number, item in enumerate(items, 1))
    associated = b"".join(
        struct.pack(">HB", number, len(item.properties)) + bytes(1 + properties.index(each) for each in item.properties)
        for number, item in enumerate(items, 1)
    )
    references = b"".join(
        box(item.refers[0], struct.pack(f">HH{len(item.refers[1])}H", number, len(item.refers[1]), *item.refers[1]))
        for number, item in enumerate(items, 1)
        if item.refers is not None
    )
    head = box(b"ftyp", brands[:4] + bytes(4) + brands[4:])

    def meta(start: int) -> bytes:
        places, at = b"", start
        for number, item in enumerate(items, 1):
            places += struct.pack(">HHHII", number, 0, 1, at, len(item.data))
            at += len(item.data)
        return full_box(
            b"meta",
            full_box(b"hdlr", bytes(4) + b"pict" + bytes(13))
            + full_box(b"pitm", struct.pack(">H", primary))
            + full_box(b"iloc", struct.pack(">HH", 0x4400, len(items)) + places)
            + full_box(b"iinf", struct.pack(">H", len(items)) + infe)
            + (full_box(b"iref", references) if references else b"")
            + box(
                b"iprp",
                box(b"ipco", b"".join(properties)) + full_box(b"ipma", struct.pack(">I", len(items)) + associated),
            ),
        )

    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", b"".join(item.data for item in items))
