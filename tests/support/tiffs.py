"""Writes TIFF files of any depth and order, which Pillow cannot write."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

_TYPES = {"B": 1, "H": 3, "I": 4, "h": 8, "i": 9, "f": 11}
_DEFLATED = 8


@dataclass
class Page:
    """A picture whose samples are packed into strips already. `more` holds tags: number -> (struct code, values)."""

    strips: Sequence[bytes]
    size: tuple[int, int]
    bits: Sequence[int] = (8,)
    photometric: int | None = 1
    compression: int = 1
    planar: int = 1
    more: dict[int, tuple[str, Sequence]] = field(default_factory=dict)
    inside: Sequence["Page"] = ()  # in SubIFDs


def write(*pages: Page, order: str = "<") -> bytes:
    """A file of these pages; `order` is < or >."""
    file = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    link = 4  # where the next page's offset belongs
    for page in pages:
        offset, next_link = _append(file, page, order)
        struct.pack_into(f"{order}I", file, link, offset)
        link = next_link
    return bytes(file)


def _append(file: bytearray, page: Page, order: str) -> tuple[int, int]:
    """The offset of the page's directory, and where it keeps the next one's."""
    inside = [_append(file, each, order)[0] for each in page.inside]
    strips = [zlib.compress(each) if page.compression == _DEFLATED else each for each in page.strips]
    offsets = [len(file) + sum(map(len, strips[:at])) for at in range(len(strips))]
    file += b"".join(strips)
    tags = {
        256: ("I", [page.size[0]]),
        257: ("I", [page.size[1]]),
        258: ("H", page.bits),
        259: ("H", [page.compression]),
        273: ("I", offsets),
        277: ("H", [len(page.bits)]),
        278: ("I", [page.size[1]]),
        279: ("I", [len(each) for each in strips]),
        284: ("H", [page.planar]),
        **page.more,
    }
    if page.photometric is not None:
        tags[262] = ("H", [page.photometric])
    if inside:
        tags[330] = ("I", inside)
    entries = b""
    for number, (code, values) in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}{code}", *values)
        if len(packed) > 4:
            place = len(file)
            file += packed + bytes(len(packed) % 2)
            packed = struct.pack(f"{order}I", place)
        entries += struct.pack(f"{order}HHI", number, _TYPES[code], len(values)) + packed.ljust(4, b"\0")
    file += bytes(len(file) % 2)
    start = len(file)
    file += struct.pack(f"{order}H", len(tags)) + entries + bytes(4)
    return start, len(file) - 4


def packed(values: np.ndarray, bits: int) -> bytes:
    """Rows of unsigned numbers of this many bits, each row padded to whole bytes."""
    rows = ("".join(format(int(value), f"0{bits}b") for value in row) for row in values)
    padded = (row + "0" * (-len(row) % 8) for row in rows)
    return b"".join(int(row, 2).to_bytes(len(row) // 8, "big") for row in padded)
