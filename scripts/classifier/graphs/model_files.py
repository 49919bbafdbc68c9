"""Tells what a file is that was given as a network, by its first bytes, and refuses what is none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..fetching import git_lfs

HEAD = 64  # bytes; enough to tell


@dataclass(frozen=True)
class _Kind:
    what: str
    holds: bytes
    at: int
    takers: str  # the commands that take it


_OTHERS = "label_image, evaluate and serve"
KERAS, H5, TFLITE = (
    _Kind("a Keras model (.keras)", b"PK\x03\x04", 0, f"{_OTHERS} take it, and so does retrain's --architecture"),
    _Kind("a Keras model (.h5)", b"\x89HDF\r\n\x1a\n", 0, f"{_OTHERS} take it, and so does retrain's --architecture"),
    _Kind("a TensorFlow Lite model", b"TFL3", 4, f"{_OTHERS} take it"),
)


def kind_of(head: bytes) -> _Kind | None:
    return next((kind for kind in (KERAS, H5, TFLITE) if head.startswith(kind.holds, kind.at)), None)


def refuse_text(head: bytes, origin: object, wanted: str) -> None:
    """Refuses what often lies in a model's place: `wanted` is in a few words what was expected."""
    if git_lfs.is_pointer(head):
        raise UserError(f"{origin} is {git_lfs.WORDS}")
    if head.lstrip()[:1] == b"<":
        raise UserError(f"{origin} is a web page, not {wanted}: download the file itself")


def refuse_others(head: bytes, origin: object) -> None:
    """Refuses all that is certainly no frozen graph."""
    refuse_text(head, origin, "a frozen graph")
    if (kind := kind_of(head)) is not None:
        raise UserError(f"{origin} is {kind.what}, expected a frozen graph, a .pb file: {kind.takers}")


def refuse_untrainable(head: bytes, path: Path) -> None:
    """Refuses what cannot be a pretrained network."""
    refuse_text(head, path, "a network")
    is_onnx = path.suffix == ".onnx"
    if is_onnx or kind_of(head) is TFLITE:
        what = "an ONNX model" if is_onnx else TFLITE.what
        raise UserError(
            f"{path} is {what}, which holds its network in a form that is not for training: expected the folder of a "
            f"SavedModel, a Keras model (.keras, .h5) or a frozen graph (.pb); {TFLITE.takers}"
        )


def refuse_pointers(folder: Path) -> None:
    """In the files of a SavedModel."""
    for path in (folder / "saved_model.pb", *sorted((folder / "variables").glob("*"))):
        if path.is_file():
            with path.open("rb") as file:
                if git_lfs.is_pointer(file.read(HEAD)):
                    raise UserError(f"{path} is {git_lfs.WORDS}")
