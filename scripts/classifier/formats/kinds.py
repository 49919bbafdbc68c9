"""The formats that a classifier is written in, told by content, and a way to open each."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import numpy as np

from .. import atomic_files
from ..errors import UserError
from .contents import Contents
from .model import Model, Wishes

# Each is a module beside this one with open_model(path, wishes), imported where it is needed: one wants LiteRT,
# another Keras.
GRAPH, TFLITE, SAVED_MODEL, KERAS, H5, ONNX = "graph", "tflite", "saved_model", "keras", "h5", "onnx"
_MODULES = {KERAS: "keras_file", H5: "keras_file"}
SERVING_FOLDER = "serving"  # beside a graph, with the SavedModels made of it: serving/NAME/VERSION
# Those that export writes, and what their names end in.
WRITTEN = {TFLITE: ".tflite", SAVED_MODEL: "", KERAS: ".keras", H5: ".h5", ONNX: ".onnx"}
QUANTIZATIONS = ("none", "dynamic", "float16", "int8")  # of .tflite


def open_model(path: Path, wishes: Wishes) -> Model:
    return _module(kind_of(path)).open_model(path, wishes)


def write(
    kind: str, path: Path, contents: Contents, quantize: str = "none", samples: Iterable[np.ndarray] | None = None
) -> str | None:
    """Gives what the user should know about it. `samples` are prepared pictures of those it will see.

    They are for tflite, where int8 needs them and dynamic is closer with them.
    """
    if kind == TFLITE:
        return _module(kind).write(path, contents, quantize, samples)
    if kind in (KERAS, H5):
        _module(kind).write(path, contents, kind)
    else:
        _module(kind).write(path, contents)
    return None


def check(kind: str, path: Path) -> None:
    """Refuses before long work what `write` would refuse after it."""
    if kind == SAVED_MODEL:
        _module(kind).check(path)
    else:
        atomic_files.check(path)


def default_output(graph: Path, kind: str, quantize: str) -> Path:
    """Beside the graph: retrained_graph_int8.tflite; a SavedModel as the next version that is served."""
    if kind == SAVED_MODEL:
        versions = graph.parent / SERVING_FOLDER / graph.stem
        taken = [int(each.name) for each in versions.glob("*") if each.name.isdecimal()]
        return versions / str(max(taken, default=0) + 1)
    return graph.with_name(f"{graph.stem}{'' if quantize == 'none' else f'_{quantize}'}{WRITTEN[kind]}")


def _module(kind: str) -> ModuleType:
    return importlib.import_module(f".{_MODULES.get(kind, kind)}", __package__)


def kind_of(path: Path) -> str:
    """By content, not by the name's ending. What cannot be told is a graph, or its reader says what is wrong."""
    if path.is_dir():
        if (path / "saved_model.pb").exists():
            return SAVED_MODEL
        raise UserError(
            f"{path} is a folder without a saved_model.pb: expected a classifier, as retrain or export wrote it"
        )
    try:
        with open(path, "rb") as file:
            head = file.read(8)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: give a classifier, as retrain or export wrote it") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    if head[4:] == b"TFL3":
        return TFLITE
    if head[:4] == b"PK\x03\x04":
        return KERAS
    if head == b"\x89HDF\r\n\x1a\n":
        return H5
    return ONNX if path.suffix == ".onnx" else GRAPH
