"""Reads what a HEIF file consists of: its items, their sizes, and which are made of which."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from .unreadable import CUT, UnreadableImage, damaged

CODED, GRID, SAME = b"hvc1", b"grid", b"iden"
_HIDDEN = 1  # among the flags of an item
# As many as the decoder reads.
_MOST_ITEMS = 1000


@dataclass
class Item:
    kind: bytes
    flags: int  # where the byte of its flags is in the file
    sizes: list[tuple[int, int]] = field(default_factory=list)  # one, if nothing is wrong
    made_of: list[int] = field(default_factory=list)


@dataclass
class Items:
    primary: int
    of: dict[int, Item]
    auxiliary: list[int] = field(default_factory=list)  # pictures that belong to the primary one, such as its opacity
    unused: list[int] = field(default_factory=list)  # where the kinds of other references are in the file

    def only_picture(self, data: bytes) -> bytearray:
        """The file with its primary picture alone: the decoder would copy descriptions (EXIF, XMP), profiles of colours
        and so on, once for each picture that they belong to."""
        alone = bytearray(data)
        for number, item in self.of.items():
            alone[item.flags] = 0 if number == self.primary else _HIDDEN
        for at in self.unused:
            alone[at : at + 4] = b"skip"
        return alone


def read(data: bytes) -> Items:
    """Raises struct.error or UnreadableImage if the file is damaged."""
    meta = _meta(data)
    parts = _single(_boxes(data, meta.start + 4, meta.end), b"pitm", b"iinf", b"iprp", b"iref")
    if not {b"pitm", b"iinf", b"iprp"} <= parts.keys():
        raise _odd()
    items = Items(_primary(data, parts[b"pitm"]), _listed(data, parts[b"iinf"]))
    if b"iref" in parts:
        _refer(data, parts[b"iref"], items)
    _measure(data, parts[b"iprp"], items)
    return items


@dataclass(frozen=True)
class _Box:
    kind: bytes
    start: int  # of what is inside
    end: int


def _boxes(data: bytes, start: int, end: int) -> Iterator[_Box]:
    while start < end:
        length, kind = struct.unpack_from(">I4s", data, start)
        inside = start + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, inside)
            inside += 8
        after = start + length if length else end
        if not inside <= after <= end:
            raise UnreadableImage(CUT)
        yield _Box(kind, inside, after)
        start = after


def _meta(data: bytes) -> _Box:
    """The box that describes the pictures. Programs append anything to files, and not always in boxes."""
    found: list[_Box] = []
    try:
        found += (box for box in _boxes(data, 0, len(data)) if box.kind == b"meta")
    except (struct.error, UnreadableImage):
        if not found:
            raise
    if not found:
        raise UnreadableImage("a HEIF file without a still picture: save a frame of it as JPEG")
    if len(found) > 1:
        raise _odd()
    return found[0]


def _single(boxes: Iterator[_Box], *wanted: bytes) -> dict[bytes, _Box]:
    """Those boxes, by their kinds. Of two of a kind, nobody knows which one the decoder takes."""
    found: dict[bytes, _Box] = {}
    for box in boxes:
        if box.kind in wanted and found.setdefault(box.kind, box) is not box:
            raise _odd()
    return found


def _primary(data: bytes, box: _Box) -> int:
    (number,) = struct.unpack_from(">I" if data[box.start] else ">H", data, box.start + 4)
    return number


def _listed(data: bytes, box: _Box) -> dict[int, Item]:
    found: dict[int, Item] = {}
    for entry in _boxes(data, box.start + (8 if data[box.start] else 6), box.end):
        version = data[entry.start]
        if len(found) >= _MOST_ITEMS:
            raise UnreadableImage(f"a HEIF file of more than {_MOST_ITEMS} parts: save it as JPEG or PNG")
        if entry.kind == b"infe" and version >= 2:
            number, _, kind = struct.unpack_from(">IH4s" if version > 2 else ">HH4s", data, entry.start + 4)
            if number in found:
                raise _odd()
            found[number] = Item(kind, entry.start + 3)
    return found


def _refer(data: bytes, box: _Box, items: Items) -> None:
    number = "I" if data[box.start] else "H"
    for reference in _boxes(data, box.start + 4, box.end):
        source, count = struct.unpack_from(f">{number}H", data, reference.start)
        targets = struct.unpack_from(f">{count}{number}", data, reference.start + struct.calcsize(f">{number}H"))
        kind = items.of[source].kind if source in items.of else None
        if reference.kind == b"dimg":
            if kind is not None:
                items.of[source].made_of += targets
        elif reference.kind == b"auxl" and kind in (CODED, GRID) and targets == (items.primary,):
            items.auxiliary.append(source)
        else:
            items.unused.append(reference.start - 4)


def _measure(data: bytes, box: _Box, items: Items) -> None:
    """Finds the sizes among the properties and gives each item its own."""
    parts = _single(_boxes(data, box.start, box.end), b"ipco")
    if b"ipco" not in parts:
        raise _odd()
    sizes = {
        number: struct.unpack_from(">II", data, each.start + 4)
        for number, each in enumerate(_boxes(data, parts[b"ipco"].start, parts[b"ipco"].end), 1)
        if each.kind == b"ispe"
    }
    for part in (part for part in _boxes(data, box.start, box.end) if part.kind == b"ipma"):
        version, wide = data[part.start], data[part.start + 3] & 1
        (count,) = struct.unpack_from(">I", data, part.start + 4)
        if count > _MOST_ITEMS:
            raise _odd()
        at = part.start + 8
        for _ in range(count):
            item, given = struct.unpack_from(">IB" if version else ">HB", data, at)
            at += 5 if version else 3
            # The highest bit says whether readers have to know the property.
            numbers = struct.unpack_from(f">{given}{'H' if wide else 'B'}", data, at)
            at += given * (2 if wide else 1)
            if item in items.of:
                mask = 0x7FFF if wide else 0x7F
                items.of[item].sizes += [sizes[each & mask] for each in numbers if each & mask in sizes]


def _odd() -> UnreadableImage:
    return damaged("a HEIF file that does not say what it consists of, or says it twice")
