"""Weights of PyTorch (.pth), in both of its formats."""

from __future__ import annotations

import io
import pickle
import random
import struct
import zipfile
from collections import OrderedDict

import numpy as np

from scripts.classifier.backbones import torch_files

from ..mutations import number
from ..structured import zip_headers, zip_members, zipped
from ..target import Files, Target, alone

_STORED, _DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED


class _Named:
    """Pickled as the name of something in PyTorch, which need not be there."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name


class _Storage:
    def __init__(self, kind: str, key: str, count: int):
        self.described = ("storage", _Named("torch", kind), key, "cpu", count)


class _Pickler(pickle._Pickler):
    """Writes storages and calls of PyTorch's functions as PyTorch does."""

    def persistent_id(self, obj):
        return obj.described if isinstance(obj, _Storage) else None

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, _Named):
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, tuple) and obj and isinstance(obj[0], _Named) and len(obj) == 2:
            self.save(obj[0])
            self.save(obj[1])
            self.write(pickle.REDUCE)
        else:
            super().save(obj, save_persistent_id)


def _pickled(obj: object) -> bytes:
    data = io.BytesIO()
    _Pickler(data, protocol=2).dump(obj)
    return data.getvalue()


def _tensor(storage: _Storage, offset: int, shape: tuple, steps: tuple) -> tuple:
    rebuild = _Named("torch._utils", "_rebuild_tensor_v2")
    return rebuild, (storage, offset, shape, steps, False, OrderedDict())


_ARRAYS = {
    "0": ("FloatStorage", np.arange(24, dtype="<f4")),
    "1": ("LongStorage", np.arange(3, dtype="<i8")),
    "2": ("HalfStorage", np.ones(8, "<f2")),
    "3": ("BoolStorage", np.ones(2, "?")),
}


def _described() -> OrderedDict:
    storages = {key: _Storage(kind, key, len(values)) for key, (kind, values) in _ARRAYS.items()}
    weight = _tensor(storages["0"], 0, (2, 3, 4), (12, 4, 1))
    parameter = (_Named("torch._utils", "_rebuild_parameter"), (weight, True, OrderedDict()))
    return OrderedDict(
        [
            ("features.weight", parameter),
            ("features.turned", _tensor(storages["0"], 4, (4, 3), (1, 4))),
            ("classifier.bias", _tensor(storages["1"], 0, (3,), (1,))),
            ("half", _tensor(storages["2"], 0, (8,), (1,))),
            ("flags", _tensor(storages["3"], 0, (2,), (1,))),
            ("count", _tensor(storages["1"], 1, (), ())),
        ]
    )


def _archive(method: int) -> bytes:
    members = [("archive/data.pkl", _pickled(_described()), method), ("archive/byteorder", b"little", method)]
    members += [(f"archive/data/{key}", values.tobytes(), method) for key, (_, values) in _ARRAYS.items()]
    return zipped(members)


def _stream() -> bytes:
    about = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    parts = [_pickled(each) for each in (0x1950A86A20F9469CFC6C, 1001, about, _described(), list(_ARRAYS))]
    parts += [struct.pack("<q", len(values)) + values.tobytes() for _, values in _ARRAYS.values()]
    return b"".join(parts)


def _samples() -> list[Files]:
    return [{"weights.pth": data} for data in (_archive(_STORED), _archive(_DEFLATED), _stream())]


def pickle_numbers(data: bytes, chance: random.Random) -> bytes | None:
    """An integer of a pickle written with another value: counts, sizes, steps, offsets."""
    places = [at for at, byte in enumerate(data) if byte in b"KMJ\x8a"]
    if not places:
        return None
    at = chance.choice(places)
    long = number(chance)
    written = b"\x8a\x09" + long.to_bytes(9, "little", signed=True)
    old = {ord("K"): 2, ord("M"): 3, ord("J"): 5, 0x8A: 2 + data[at + 1] if at + 1 < len(data) else 2}[data[at]]
    return data[:at] + written + data[at + old :]


def pickle_opcodes(data: bytes, chance: random.Random) -> bytes | None:
    """An instruction replaced: other values, calls, and builds than a reader expects."""
    at = chance.randrange(len(data) + 1)
    written = chance.choice([b"N", b"}", b"]", b")", b"R", b"b", b"\x81", b"0", b"2", b"(", b"Q", b"K\x00", b"u", b"s"])
    return data[:at] + written * chance.choice([1, 1, 1, 3000]) + data[at + chance.choice([0, 1]) :]


TARGET = Target(
    "pth",
    _samples,
    alone(torch_files.read),
    inputs=4000,
    own=(zip_members((pickle_numbers, pickle_opcodes)), zip_headers, pickle_numbers),
)
