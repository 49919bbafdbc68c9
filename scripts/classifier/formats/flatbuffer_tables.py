"""Writes and reads flatbuffers by field number, without code generated from a schema."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import flatbuffers
import numpy as np

# A table: its fields by number. Integers are enumerations or union types, one byte each; other values are text,
# numpy vectors, tables and lists of tables.
Fields = Mapping[int, Any]


def pack(root: Fields, identifier: bytes) -> bytes:
    builder = flatbuffers.Builder()
    builder.Finish(_put(builder, root), identifier)
    return bytes(builder.Output())


def _put(builder: flatbuffers.Builder, value: str | np.ndarray | list[Fields] | Fields) -> int:
    """Writes the value and returns its place in the flatbuffer."""
    if isinstance(value, str):
        return builder.CreateString(value)
    if isinstance(value, np.ndarray):
        return builder.CreateNumpyVector(value)
    if isinstance(value, list):
        tables = [_put(builder, each) for each in value]
        builder.StartVector(4, len(tables), 4)
        for place in reversed(tables):
            builder.PrependUOffsetTRelative(place)
        return builder.EndVector()
    # Whatever a table refers to must be written before it.
    places = {slot: _put(builder, each) for slot, each in value.items() if not isinstance(each, int)}
    builder.StartObject(max(value, default=-1) + 1)
    for slot, each in value.items():
        if slot in places:
            builder.PrependUOffsetTRelativeSlot(slot, places[slot], 0)
        else:
            builder.PrependUint8Slot(slot, each, 0)
    return builder.EndObject()


class Table:
    """A table to read. Missing fields are empty or 0; raises struct.error if it is damaged."""

    def __init__(self, data: bytes, position: int):
        self._data, self._position = data, position

    @classmethod
    def root(cls, data: bytes) -> Table:
        return cls(data, *struct.unpack_from("<I", data))

    def number(self, slot: int) -> int:
        place = self._place(slot)
        return 0 if place is None else self._get("B", place)

    def text(self, slot: int) -> str:
        place = self._place(slot)
        if place is None:
            return ""
        start = place + self._get("I", place)
        return self._get(f"{self._get('I', start)}s", start + 4).decode("utf-8", "surrogateescape")

    def floats(self, slot: int) -> tuple[float, ...]:
        count, start = self._vector(slot)
        return struct.unpack_from(f"<{count}f", self._data, start)

    def table(self, slot: int) -> Table:
        place = self._place(slot)
        if place is None:
            raise struct.error(f"a table's field {slot} is missing")
        return Table(self._data, place + self._get("I", place))

    def tables(self, slot: int) -> list[Table]:
        count, start = self._vector(slot)
        ahead = struct.unpack_from(f"<{count}I", self._data, start)
        return [Table(self._data, start + 4 * at + offset) for at, offset in enumerate(ahead)]

    def _vector(self, slot: int) -> tuple[int, int]:
        """The number of elements, and where they start."""
        place = self._place(slot)
        if place is None:
            return 0, 0
        start = place + self._get("I", place)
        return self._get("I", start), start + 4

    def _place(self, slot: int) -> int | None:
        """The field's place, from the list of offsets that the table's first value points back to."""
        offsets = self._position - self._get("i", self._position)
        inside = 4 + 2 * slot < self._get("H", offsets)
        offset = self._get("H", offsets + 4 + 2 * slot) if inside else 0
        return self._position + offset if offset else None

    def _get(self, kind: str, place: int) -> Any:
        return struct.unpack_from(f"<{kind}", self._data, place)[0]
