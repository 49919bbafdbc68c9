"""Reads SavedModels, TensorFlow's folders: their graphs, and what their signatures take."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError, in_short
from . import model_files

if TYPE_CHECKING:
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef, TensorInfo

FILE = "saved_model.pb"
_MOST_SHOWN = 4  # signatures in an error, which must fit on a line


@dataclass(frozen=True)
class Tensor:
    """An input or output of a signature."""

    key: str  # its name in the signature
    name: str  # its name in the graph
    kind: str  # float32, string, ...
    shape: tuple[int | None, ...] | None  # None if even the rank is unknown; a None inside means any size

    def may_have_rank(self, *ranks: int) -> bool:
        return self.shape is None or len(self.shape) in ranks


@dataclass(frozen=True)
class Signature:
    """A function of a SavedModel; inputs and outputs are sorted by key."""

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def pictures(self) -> Tensor | None:
        """Its input, if there is only one and it takes colour pictures, [n, height, width, 3]."""
        if len(self.inputs) != 1:
            return None
        (entry,) = self.inputs
        is_pictures = entry.shape is None or (len(entry.shape) == 4 and entry.shape[3] in (3, None))
        return entry if is_pictures else None


def read(folder: Path, called: object) -> list[MetaGraphDef]:
    """The graphs of a SavedModel, one per set of tags; `called` names the file in errors."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    saved = SavedModel()
    try:
        model_files.refuse_pointers(folder)
        saved.ParseFromString((folder / FILE).read_bytes())
    except OSError as error:
        raise UserError(f"cannot read {folder / FILE}: {error.strerror}") from None
    except DecodeError:
        raise UserError(f"{called} is damaged or cut short: download or create the whole folder again") from None
    return list(saved.meta_graphs)


def signatures_of(meta_graph: MetaGraphDef) -> dict[str, Signature]:
    """A graph's signatures by name, sorted, without those that TensorFlow adds for its own use."""
    return {
        name: Signature(name, _tensors(each.inputs), _tensors(each.outputs))
        for name, each in sorted(meta_graph.signature_def.items())
        if not name.startswith("__")
    }


def in_words(signatures: Iterable[Signature]) -> str:
    """The inputs of the first few, for an error message."""
    shown = []
    for signature in list(signatures)[:_MOST_SHOWN]:
        entries = []
        for entry in signature.inputs[:3]:
            sizes = ("?" if size is None else str(size) for size in entry.shape or ())
            entries.append(f"{entry.key}, {entry.kind} [{', '.join(sizes)}]")
        shown.append(f"{signature.name} takes {' and '.join(entries) or 'nothing'}")
    return "; ".join(shown)


@contextlib.contextmanager
def loading(origin: object, what_to_get: str) -> Iterator[None]:
    """TensorFlow may raise anything on a damaged SavedModel; whatever it is, the model cannot be loaded."""
    try:
        yield
    except Exception as error:
        reason = in_short(getattr(error, "message", None) or error)  # str(error) may include a trace of the graph
        raise UserError(
            f"{origin} cannot be loaded: part of it is missing, damaged or not for this TensorFlow ({reason}); "
            f"download or create {what_to_get} again"
        ) from error


def _tensors(side: Mapping[str, TensorInfo]) -> tuple[Tensor, ...]:
    import tensorflow as tf

    return tuple(
        Tensor(
            key,
            each.name,
            tf.as_dtype(each.dtype).name if each.dtype else "several tensors",  # a ragged one has no type
            None
            if each.tensor_shape.unknown_rank
            else tuple(None if dim.size < 0 else dim.size for dim in each.tensor_shape.dim),
        )
        for key, each in sorted(side.items())
    )
