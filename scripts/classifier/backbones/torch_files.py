"""Reads the tensors of a PyTorch file (.pth) without PyTorch, and without running any code from the file."""

from __future__ import annotations

import math
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import numpy as np

from ..errors import UserError, in_short
from ..fetching import pickle_memory, unpacked_sizes

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
    RuntimeError,  # an encrypted archive; also too deep a recursion, and a method that zipfile does not know
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
    OSError,
)


# A pickle may change the attributes of any object it makes, but not these tuples.
class _Storage(NamedTuple):
    key: str
    kind: str  # one of _STORAGES, in NumPy's words
    values: int  # how many it holds

    @property
    def item_bytes(self) -> int:
        return np.dtype(self.kind).itemsize


class _Tensor(NamedTuple):
    """A view of some values of a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, data: bytes) -> np.ndarray:
        values = np.frombuffer(data, self.storage.kind, self.storage.values)
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
            return _rebuilt
        if module == "torch._utils" and name == "_rebuild_parameter":
            return lambda tensor, *_: tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise UserError(f"holds {in_short(f'{module}.{name}')}: expected nothing but tensors")

    def persistent_load(self, described: tuple) -> _Storage:
        what, kind, key, _, count, *view = described
        if what != "storage" or kind not in _STORAGES.values() or not isinstance(count, int) or any(view):
            raise pickle.UnpicklingError("storage of another kind")
        if not isinstance(key, str):
            raise pickle.UnpicklingError("storage without a name")
        return _Storage(key, kind, count)


def _rebuilt(storage: object, offset: object, shape: object, strides: object, *_: object) -> _Tensor:
    if not isinstance(storage, _Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise pickle.UnpicklingError("a tensor of another kind")
    numbers = (offset, *shape, *strides)
    if len(shape) != len(strides) or not all(isinstance(each, int) and each >= 0 for each in numbers):
        raise pickle.UnpicklingError("a tensor whose shape makes no sense")
    return _Tensor(storage, cast(int, offset), shape, strides)


def read(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a state_dict by their names."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(0)
            if start.lstrip()[:1] == b"<":
                raise UserError("is a web page: download the file itself")
            named, data_of = _read_archive(file) if start == b"PK\x03\x04" else _read_stream(file)
            if not isinstance(named, dict) or not all(
                isinstance(name, str) and isinstance(each, _Tensor) for name, each in named.items()
            ):
                raise UserError("does not hold a state_dict: expected tensors by name")
            sizes = (math.prod(each.shape) * each.storage.item_bytes for each in named.values())
            unpacked_sizes.check(sum(sizes), path.stat().st_size)  # a view may repeat one value as often as it likes
            return {name: tensor.of(data_of(tensor.storage)) for name, tensor in named.items()}
    except UserError as error:
        raise UserError(f"{path} {error}") from None
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: give a PyTorch file (.pth)") from None
    except _DAMAGE as error:
        raise UserError(
            f"{path} is damaged or cut short, or no PyTorch file ({in_short(error)}): download it again"
        ) from None


def _load(file: IO[bytes]) -> Any:
    pickle_memory.check(file)
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
        storage = kinds[key]
        if count != storage.values:
            raise ValueError("a tensor of another size")
        data[storage.key] = file.read(count * storage.item_bytes)
        if len(data[storage.key]) != count * storage.item_bytes:
            raise EOFError("it ends inside a tensor")
    return named, lambda storage: data[storage.key]
