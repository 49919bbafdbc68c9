"""Puts labels, the record and TFLite Metadata into .tflite files, also into those that others made."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .. import atomic_files
from ..errors import UserError
from ..graphs import litert
from ..photos import category_names
from ..photos.preprocessing import RGB, Preprocessing
from . import tflite_metadata, tflite_pixels
from .contents import LABELS, Contents, packed
from .model import Model

_SHOWN = 5  # labels in the description


def complete(model: bytes, contents: Contents, ends: tuple[str, str], quantize: str) -> bytes:
    """A converted model with all that belongs to it; `ends` are the names that its input and output get."""
    given = contents.preprocessing
    (entry,) = litert.open_interpreter(model).get_input_details()
    mean, std = (given.input_mean, given.input_std) if _in_floats(entry) else tflite_pixels.as_they_are(entry)
    take = Preprocessing(given.input_height, given.input_width, mean, std, fit=given.fit)
    architecture = contents.record.get("backbone", {}).get("architecture", "image")
    files = contents.files(take, quantize=quantize)
    return tflite_metadata.embed(model, *ends, _description(model, take, contents.labels, architecture, files))


def write_again(path: Path, model: Model, labels: tuple[str, ...], named: dict[str, str] | None) -> None:
    """Writes a .tflite file with all that is known of it inside; its network stays as it is."""
    data = model.path.read_bytes()
    interpreter = litert.open_interpreter(data)
    (entry,), (exit_,) = interpreter.get_input_details(), interpreter.get_output_details()
    if exit_["shape"][-1] == 1:
        raise UserError(
            f"{model.path} gives one value for two labels, and metadata needs one for each: export the model that it "
            "was made from"
        )
    record = category_names.recorded(model.record, named)
    files = packed(model.preprocessing, labels, record, model.unknown)
    architecture = record.get("backbone", {}).get("architecture", "image")
    description = _description(data, model.preprocessing, labels, architecture, files)
    atomic_files.write_bytes(path, tflite_metadata.embed(data, entry["name"], exit_["name"], description))


def _description(
    model: bytes, take: Preprocessing, labels: tuple[str, ...], architecture: str, files: dict[str, bytes]
) -> tflite_metadata.Description:
    interpreter = litert.open_interpreter(model)
    (entry,), (exit_, *_) = interpreter.get_input_details(), interpreter.get_output_details()
    mean, std = take.input_mean, take.input_std
    more = " and others" if len(labels) > _SHOWN else ""
    return tflite_metadata.Description(
        name=f"{architecture} classifier",
        text=f"Recognises {len(labels)} labels: {', '.join(labels[:_SHOWN])}{more}.",
        mean=mean,
        std=std,
        fit=take.fit,
        input_range=(-mean / std, (255 - mean) / std) if _in_floats(entry) else _range(entry),
        output_range=(0, 1) if _in_floats(exit_) else _range(exit_),
        labels=LABELS,
        files=files,
        is_rgb=take.channels == RGB,
    )


def _in_floats(tensor: dict) -> bool:
    return np.dtype(tensor["dtype"]).kind == "f"


def _range(tensor: dict) -> tuple[float, float]:
    limits = np.iinfo(tensor["dtype"])
    return float(limits.min), float(limits.max)
