"""Reads the tensors of a PyTorch file (.pth) without PyTorch, and without running any code from the file."""

from __future__ import annotations

import math
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..errors import UserError, in_short
from ..fetching import unpacked_sizes

# The start of files from before 2020; newer ones are zip archives.
_MAGIC = 0x1950A86A20F9469CFC6C
_STORAGES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
# The errors that damaged or malicious pickles and archives raise.
_DAMAGE = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    KeyError,
    ImportError,
    OverflowError,
    MemoryError,
    RecursionError,
    NotImplementedError,
    struct.error,
    zipfile.BadZipFile,
    OSError,
)


@dataclass(frozen=True)
class _Storage:
    key: str
    kind: np.dtype
    count: int


@dataclass(frozen=True)
class _Tensor:
    """A view of some values of a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, data: bytes) -> np.ndarray:
        values = np.frombuffer(data, self.storage.kind, self.storage.count)
        numbers = (self.offset, *self.shape, *self.strides)
        if len(self.shape) != len(self.strides) or not all(isinstance(each, int) and each >= 0 for each in numbers):
            raise ValueError(f"a tensor of shape {self.shape}")
        if 0 in self.shape:
            return np.empty(self.shape, values.dtype)
        last = self.offset + sum((size - 1) * step for size, step in zip(self.shape, self.strides, strict=True))
        if last >= len(values):
            raise ValueError("a tensor that reaches past its values")
        steps = [step * values.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, steps).copy()


class _OnlyTensors(pickle.Unpickler):
    """Unpickles tensors and refuses to call anything else."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch._utils" and name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: _Tensor(storage, offset, tuple(shape), tuple(strides))
        if module == "torch._utils" and name == "_rebuild_parameter":
            return lambda tensor, *_: tensor
        if module == "torch" and name in _STORAGES:
            return np.dtype(_STORAGES[name])
        raise UserError(f"holds {module}.{name}: expected nothing but tensors")

    def persistent_load(self, described: tuple) -> _Storage:
        what, kind, key, _, count, *view = described
        if what != "storage" or not isinstance(kind, np.dtype) or not isinstance(count, int) or any(view):
            raise pickle.UnpicklingError("storage of another kind")
        return _Storage(str(key), kind, count)


def read(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a state_dict by their names."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(0)
            if start.lstrip()[:1] == b"<":
                raise UserError("is a web page: download the file itself")
            named, data_of = _read_archive(file) if start == b"PK\x03\x04" else _read_stream(file)
            if not isinstance(named, dict) or not all(isinstance(each, _Tensor) for each in named.values()):
                raise UserError("does not hold a state_dict: expected tensors by name")
            sizes = (math.prod(each.shape) * each.storage.kind.itemsize for each in named.values())
            unpacked_sizes.check(sum(sizes), path.stat().st_size)  # a view may repeat one value as often as it likes
            return {str(name): tensor.of(data_of(tensor.storage)) for name, tensor in named.items()}
    except UserError as error:
        raise UserError(f"{path} {error}") from None
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: give a PyTorch file (.pth)") from None
    except _DAMAGE as error:
        raise UserError(
            f"{path} is damaged or cut short, or no PyTorch file ({in_short(error)}): download it again"
        ) from None


def _load(file: IO[bytes]) -> Any:
    return _OnlyTensors(file, encoding="utf-8").load()


def _read_archive(file: IO[bytes]) -> tuple[object, Callable[[_Storage], bytes]]:
    unpacked_sizes.check_zip_file(file)
    archive = zipfile.ZipFile(file)
    (described,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
    top = described.removesuffix("data.pkl")
    order = f"{top}byteorder"
    if order in archive.namelist() and archive.read(order) != b"little":
        raise UserError("was written on a big-endian machine: save it again on an ordinary one")
    with archive.open(described) as member:
        named = _load(member)
    return named, lambda storage: archive.read(f"{top}data/{storage.key}")


def _read_stream(file: IO[bytes]) -> tuple[object, Callable[[_Storage], bytes]]:
    """Several pickles, followed by the values of all storages."""
    if _load(file) != _MAGIC:
        raise ValueError("wrong magic number")
    _load(file)  # the format's version
    _load(file)  # byte order and number sizes: published files have the usual ones
    named = _load(file)
    kinds = {each.storage.key: each.storage for each in named.values()} if isinstance(named, dict) else {}
    data: dict[str, bytes] = {}
    for key in _load(file):
        (count,) = struct.unpack("<q", file.read(8))
        storage = kinds[str(key)]
        data[storage.key] = file.read(count * storage.kind.itemsize)
        if count != storage.count or len(data[storage.key]) != count * storage.kind.itemsize:
            raise EOFError("it ends inside a tensor")
    return named, lambda storage: data[storage.key]
