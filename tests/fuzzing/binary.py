"""Damage to the fields of protobufs, flatbuffers and HDF5 files that leaves the rest in order."""

from __future__ import annotations

import io
import random
import struct

import numpy as np

from . import mutations, structured
from .target import Mutation

# The wire types of protobuf, and what a field of each holds.
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_DEEPEST = 12
_SIZES = (0, 1, 2, 3, 7, 1000, 65_536, 100_000, 1_000_000, 2**31 - 1)

Field = tuple[int, int, "int | bytes"]


def protobuf_fields(data: bytes, chance: random.Random) -> bytes | None:
    """A field changed, doubled, left out, moved or borrowed, at any depth, with lengths that fit."""
    fields = _parsed(data)
    return None if not fields else _written(_changed(fields, chance, 0))


def _changed(fields: list[Field], chance: random.Random, depth: int) -> list[Field]:
    at = chance.randrange(len(fields))
    number, kind, value = fields[at]
    inner = _parsed(value) if kind == _BYTES and depth < _DEEPEST else None
    if inner and chance.random() < 0.85:
        return [*fields[:at], (number, kind, _written(_changed(inner, chance, depth + 1))), *fields[at + 1 :]]
    done = chance.choice(["change"] * 6 + ["double", "leave out", "move", "borrow", "renumber"])
    if done == "leave out":
        return fields[:at] + fields[at + 1 :]
    if done == "double":
        return fields[:at] + [fields[at]] * chance.choice([2, 2, 3, 100]) + fields[at + 1 :]
    if done == "move":
        rest = fields[:at] + fields[at + 1 :]
        rest.insert(chance.randrange(len(fields)), fields[at])
        return rest
    if done == "renumber":
        number = chance.randrange(1, 20)
    elif done == "borrow":
        value = chance.choice([each for _, of, each in fields if of == kind])
    elif kind == _BYTES:
        before, value = value, mutations.mutate(value, [value], chance)
        if before.isascii():  # a text, of which protobuf refuses what is no UTF-8
            value = value.decode("utf-8", "replace").encode()
    elif kind == _VARINT:
        value = chance.choice([mutations.number(chance), chance.choice(_SIZES), value + 1, value - 1]) % (1 << 64)
    else:
        value = chance.randbytes(len(value))
    return [*fields[:at], (number, kind, value), *fields[at + 1 :]]


def _parsed(data: bytes) -> list[Field] | None:
    """None if these bytes are no message."""
    found: list[Field] = []
    at = 0
    try:
        while at < len(data):
            key, at = _varint(data, at)
            number, kind = key >> 3, key & 7
            if number == 0 or kind not in (_VARINT, _EIGHT, _BYTES, _FOUR):
                return None
            if kind == _VARINT:
                value, at = _varint(data, at)
            else:
                size, at = _varint(data, at) if kind == _BYTES else ({_EIGHT: 8, _FOUR: 4}[kind], at)
                value, at = data[at : at + size], at + size
                if at > len(data):
                    return None
            found.append((number, kind, value))
    except IndexError:
        return None
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value % (1 << 64), at


def _written(fields: list[Field]) -> bytes:
    parts = []
    for number, kind, value in fields:
        parts.append(_as_varint(number << 3 | kind))
        if kind == _VARINT:
            parts.append(_as_varint(value))
        else:
            parts += [_as_varint(len(value)), value] if kind == _BYTES else [value]
    return b"".join(parts)


def _as_varint(value: int) -> bytes:
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])


def flatbuffer_numbers(data: bytes, chance: random.Random) -> bytes | None:
    """Offsets, counts, indices and sizes: aligned numbers that are small now."""
    places = [at for at in range(0, len(data) - 3, 4) if struct.unpack_from("<I", data, at)[0] < 4096]
    if not places:
        return None
    changed = bytearray(data)
    for at in chance.choices(places, k=chance.choice([1, 1, 1, 2, 5])):
        (before,) = struct.unpack_from("<i", data, at)
        after = chance.choice([before + 1, before - 1, -before, 2 * before, before << 12, chance.choice(_SIZES), -1])
        struct.pack_into("<I", changed, at, after % (1 << 32))
    return bytes(changed)


def hdf5_contents(text: str) -> Mutation:
    """JSON in the attribute `text`, or an array replaced by one of another shape or kind."""

    def mutate(data: bytes, chance: random.Random) -> bytes | None:
        import h5py

        file = io.BytesIO(data)
        try:
            with h5py.File(file, "r+") as opened:
                described = opened.attrs.get(text)
                if described is not None and chance.random() < 0.7:
                    changed = structured.json_values(str(described).encode(), chance)
                    if changed is None:
                        return None
                    opened.attrs[text] = changed.decode("utf-8", "replace").replace("\0", "")
                else:
                    _change_array(opened, chance)
        except Exception:  # damaged already, in any of HDF5's ways
            return None
        return file.getvalue()

    return mutate


def _change_array(file, chance: random.Random) -> None:
    import h5py

    names: list[str] = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    name = chance.choice(names)
    value = np.asarray(file[name])
    del file[name]
    done = chance.choice(["leave out", "shape", "kind", "text", "scalar", "empty", "numbers"])
    if done == "shape":
        file[name] = np.zeros(chance.choice([(3,), (2, 2), (*value.shape, 1), value.shape[::-1], (0,)]), value.dtype)
    elif done == "kind":
        file[name] = value.astype(chance.choice(["f8", "i1", "f2", "c8", "?"]))
    elif done == "text":
        file[name] = "text"
    elif done == "scalar":
        file[name] = 3.0
    elif done == "empty":
        file[name] = h5py.Empty("f4")
    elif done == "numbers":
        file[name] = np.full(value.shape, chance.choice([np.nan, np.inf, 1e38, -1e38]), value.dtype)
