"""Fills a Keras network, whose layers are named like a PyTorch network's modules, with that network's weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError

if TYPE_CHECKING:
    import keras

_NORM = ("weight", "bias", "running_mean", "running_var")  # in Keras' order


def fill(model: keras.Model, tensors: Mapping[str, np.ndarray], path: Path, network: str) -> None:
    """`path` and `network` are for messages: the file that has the tensors, and what it should hold."""
    for layer in model.layers:
        if not layer.weights:
            continue
        values = []
        for part, wanted in _parts(layer):
            name = f"{layer.name}.{part}"
            found = tensors.get(name)
            if found is None or found.shape != wanted:
                what = "missing" if found is None else f"{list(found.shape)}"
                raise UserError(f"{path} does not hold {network}: {name} is {what}, expected {list(wanted)}")
            values.append(_in_keras_order(found, layer))
        layer.set_weights(values)


def _parts(layer: keras.Layer) -> list[tuple[str, tuple[int, ...]]]:
    """The names and shapes of the tensors that hold a layer's weights."""
    shapes = [tuple(each.shape) for each in layer.weights]
    if len(shapes) > 1:
        return list(zip(_NORM, shapes, strict=True))
    height, width, given, made = shapes[0]
    # A depthwise kernel filters each channel by itself.
    return [("weight", (given, 1, height, width) if _depthwise(layer) else (made, given, height, width))]


def _in_keras_order(tensor: np.ndarray, layer: keras.Layer) -> np.ndarray:
    if tensor.ndim < 4:
        return tensor
    return tensor.transpose(2, 3, 0, 1) if _depthwise(layer) else tensor.transpose(2, 3, 1, 0)


def _depthwise(layer: keras.Layer) -> bool:
    return hasattr(layer, "depth_multiplier")
