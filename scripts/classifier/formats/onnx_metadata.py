"""Reads what ONNX' metadata about pictures says on how they are prepared."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..graphs.colour_range import usual_order
from ..photos.preprocessing import BGR, RGB

# The standard's words for ranges, with the mean and std that give them, and for the order of colours.
_RANGES = {"NominalRange_0_255": (0.0, 1.0), "Normalized_0_1": (0.0, 255.0), "Normalized_1_1": (127.5, 127.5)}
_ORDERS = {"Rgb8": RGB, "Bgr8": BGR}


def preparation(metadata: Mapping[str, str], entry: str, kind: type) -> dict:
    """For an input of this name and type; without what is not known."""
    taken: dict = {"channels": _ORDERS.get(metadata.get("Image.BitmapPixelFormat", ""), usual_order(entry))}
    bytes_as_they_are = (0.0, 1.0) if kind == np.uint8 else None
    scaled = _RANGES.get(metadata.get("Image.NominalPixelRange", ""), bytes_as_they_are)
    return taken if scaled is None else {**taken, "input_mean": scaled[0], "input_std": scaled[1]}
