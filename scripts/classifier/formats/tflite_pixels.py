"""Tells how pictures are prepared for a .tflite file from elsewhere, from its input and its metadata."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import UserError
from ..graphs.colour_range import usual_order
from ..photos.preprocessing import Overrides
from .tflite_metadata import Found

_SIGNATURE = "serving_default_"  # the converter puts it before the name of an input


def preparation(entry: dict, inside: Found, said: Overrides, path: Path) -> dict:
    """The mean, deviation and order of colours of its input; None if unknown."""
    mean, std = _normalization(entry, inside, said, path)
    order = usual_order(entry["name"].removeprefix(_SIGNATURE))
    return {"input_mean": mean, "input_std": std, "channels": order}


def as_they_are(entry: dict) -> tuple[float, float]:
    """Mean and deviation that give an 8-bit input the pixels themselves, as tools for phones do."""
    scale, zero = entry["quantization"]
    return float(zero - np.iinfo(entry["dtype"]).min), 1 / (scale or 1)


def _normalization(entry: dict, inside: Found, said: Overrides, path: Path) -> tuple[float | None, float | None]:
    if np.dtype(entry["dtype"]).kind != "f":
        return as_they_are(entry)
    told = said.input_mean is not None and said.input_std is not None
    if not told and (len({*inside.mean}) > 1 or len({*inside.std}) > 1):
        raise UserError(
            f"{path} wants each colour normalised differently (means {inside.mean}, deviations {inside.std}), which is "
            "not supported: give one --input_mean and --input_std for all"
        )
    return inside.mean[0] if inside.mean else None, inside.std[0] if inside.std else None
