"""The formats of classifiers, and how to recognise, open and write each."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from .. import atomic_files
from ..errors import UserError
from ..graphs import model_files
from ..photos.preprocessing import Overrides
from ..training import run_record
from . import trial
from .contents import Contents
from .model import Model, Wishes

GRAPH, TFLITE, SAVED_MODEL, KERAS, H5, ONNX = "pb", "tflite", "saved_model", "keras", "h5", "onnx"
SERVING_FOLDER = "serving"  # beside a graph, with the SavedModels exported from it: serving/NAME/VERSION
QUANTIZATIONS = ("none", "dynamic", "float16", "int8")  # for formats that are `quantized`


@dataclass(frozen=True)
class Format:
    """What must be known about a format before its module is imported."""

    # The module beside this one, with open_model(path, wishes); if export takes the format, read_contents(path, said,
    # labels, named); and if export writes it, write(path, contents), which may return a note for the user. Each is
    # imported when needed, as some need Keras, LiteRT or ONNX Runtime.
    module: str
    ending: str | None = None  # of the files that export writes; None: it does not write this format
    holds: bytes = b""  # the bytes of its files at `at`; empty: recognised otherwise
    at: int = 0
    quantized: bool = False  # write() also takes one of QUANTIZATIONS and sample pictures
    folder: bool = False  # written as a folder; its module also has check(path)
    tried: bool = False  # files may end the process, so they are opened in another one first, which starts in no time


FORMATS = {
    GRAPH: Format("graph", ".pb"),
    TFLITE: Format("tflite", ".tflite", b"TFL3", at=4, quantized=True, tried=True),
    SAVED_MODEL: Format("saved_model", "", folder=True),
    KERAS: Format("keras_archive", ".keras", b"PK\x03\x04"),
    H5: Format("keras_hdf5", ".h5", b"\x89HDF\r\n\x1a\n"),
    ONNX: Format("onnx", ".onnx", tried=True),
}
# The formats that export writes, and their endings.
WRITTEN = {kind: each.ending for kind, each in FORMATS.items() if each.ending is not None}


def open_model(path: Path, wishes: Wishes) -> Model:
    kind = kind_of(path)
    module = _module(kind)
    if FORMATS[kind].tried:
        trial.run(module.__name__, path, wishes)
    return module.open_model(path, wishes)


def read_record(path: Path) -> dict | None:
    """The record of a classifier, if it has one; that of a graph lies beside it, so TensorFlow is not loaded for it."""
    return run_record.read(path) if kind_of(path) == GRAPH else open_model(path, Wishes()).record


def read_contents(path: Path, said: Overrides, labels: tuple[str, ...], named: dict[str, str] | None) -> Contents:
    """The contents to write in another format; `named` maps labels to their names, if they have any."""
    return _module(kind_of(path)).read_contents(path, said, labels, named)


def write_again(path: Path, model: Model, labels: tuple[str, ...], named: dict[str, str] | None) -> None:
    """Writes a .tflite model, whose network cannot be changed, with these labels and metadata."""
    _module(TFLITE).write_again(path, model, labels, named)


def write(
    kind: str, path: Path, contents: Contents, quantize: str = "none", samples: Iterable[np.ndarray] | None = None
) -> str | None:
    """Returns a note for the user, if any. `samples` are prepared pictures like those the classifier will see.

    Only tflite uses them: int8 needs them, and dynamic is more accurate with them.
    """
    more = (quantize, samples) if FORMATS[kind].quantized else ()
    return _module(kind).write(path, contents, *more)


def check(kind: str, path: Path) -> None:
    """Fails before long work if `write` would fail after it."""
    if FORMATS[kind].folder:
        _module(kind).check(path)
    else:
        atomic_files.check(path)


def default_output(graph: Path, kind: str, quantize: str) -> Path:
    """Beside the graph, like retrained_graph_int8.tflite; for a SavedModel, the next version to serve."""
    if FORMATS[kind].folder:
        versions = graph.parent / SERVING_FOLDER / graph.stem
        taken = [int(each.name) for each in versions.glob("*") if each.name.isdecimal()]
        return versions / str(max(taken, default=0) + 1)
    return graph.with_name(f"{graph.stem}{'' if quantize == 'none' else f'_{quantize}'}{WRITTEN[kind]}")


def kind_of(path: Path) -> str:
    """The format of a classifier, by content, or of ONNX by its ending. Anything else counts as a graph."""
    if path.is_dir():
        if (path / "saved_model.pb").exists():
            return SAVED_MODEL
        raise UserError(
            f"{path} is a folder without a saved_model.pb: expected a classifier that retrain or export wrote"
        )
    try:
        with open(path, "rb") as file:
            head = file.read(model_files.HEAD)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: give a classifier that retrain or export wrote") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    model_files.refuse_text(head, path, "a classifier")
    for kind, each in FORMATS.items():
        if each.holds and head.startswith(each.holds, each.at):
            return kind
    return ONNX if path.suffix == ".onnx" else GRAPH


def _module(kind: str) -> ModuleType:
    return importlib.import_module(f".{FORMATS[kind].module}", __package__)
