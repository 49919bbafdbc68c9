"""Finds where pictures go into a graph, and how their pixels are prepared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .affine import affine
from .frozen_graph import node_of
from .patterns import Known, Op
from .wiring import Wiring, attribute, inputs_of, placeholder_sizes

if TYPE_CHECKING:
    from tensorflow.core.framework.node_def_pb2 import NodeDef

# Mean, std, and sometimes size of the input, by its name. TensorFlow for Poets' MobileNets have `input`, its Inception
# has `Mul`, and hub's retrain.py wrote `Placeholder`.
_KNOWN_INPUTS = {"input": (128.0, 128.0, None), "Mul": (128.0, 128.0, 299), "Placeholder": (0.0, 255.0, None)}

# Input ranges (lowest, highest) of graphs that normalise pixels themselves, with the mean and std that produce them.
_RANGES = {(0.0, 255.0): (0.0, 1.0), (0.0, 1.0): (0.0, 255.0), (-1.0, 1.0): (128.0, 128.0)}
_NORMALISED = ((-1.0, 1.0), (0.0, 1.0))

_DECODERS = ("DecodeJpeg", "DecodePng", "DecodeImage", "DecodeBmp", "DecodeGif")
_RESIZERS = ("ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic", "ResizeArea")


@dataclass(frozen=True)
class Entry:
    input_layer: str
    input_height: int | None = None
    input_width: int | None = None
    input_mean: float | None = None
    input_std: float | None = None


@dataclass(frozen=True)
class _Way:
    """How pixels have been prepared by the node `at`: scale * pixel + shift, resized to `size`."""

    at: str
    size: tuple[int, int] | None  # height, width
    batched: bool  # its shape is [N, height, width, 3]
    scale: float = 1.0
    shift: float = 0.0


def find(wiring: Wiring, within: set[str]) -> Entry | None:
    """The place where pictures go in, if there is exactly one."""
    nodes = [node for name, node in wiring.nodes.items() if name in within]
    placeholders = [node for node in nodes if node.op == "Placeholder" and _may_be_pictures(node)]
    certain = [node for node in placeholders if placeholder_sizes(node)]
    starts = [*(certain or placeholders), *(node for node in nodes if node.op in _DECODERS)]
    return at(wiring, starts[0].name) if len(starts) == 1 else None


def _may_be_pictures(node: NodeDef) -> bool:
    sizes = placeholder_sizes(node)
    if _is_of(node, "uint8", "int32"):
        return len(sizes) in (3, 4) and sizes[-1] in (-1, 3)
    return _is_of(node, "float32", "half") and (not sizes or (len(sizes) == 4 and sizes[3] in (-1, 3)))


def _is_of(node: NodeDef, *kinds: str) -> bool:
    import tensorflow as tf

    return attribute(node, "dtype").type in [tf.as_dtype(kind).as_datatype_enum for kind in kinds]


def at(wiring: Wiring, name: str) -> Entry | None:
    """The node itself if it takes prepared pictures; if preparation starts there, the node where it is finished.

    Everything before the latter can be dropped.
    """
    node = wiring.nodes.get(name)
    if node is None:
        return Entry(name)
    sizes = placeholder_sizes(node)
    fixed = len(sizes) in (3, 4) and min(sizes[-3:-1]) > 0
    start = _Way(name, (sizes[-3], sizes[-2]) if fixed else None, batched=len(sizes) == 4)
    ready = _walk(wiring, start)
    if node.op in _DECODERS or _is_of(node, "string", "uint8", "int32"):
        if ready.size is None or not ready.batched or ready.scale == 0:
            return None
        # scale * pixel + shift is (pixel - mean) / std.
        return Entry(ready.at, *ready.size, _plain(-ready.shift / ready.scale), _plain(1 / ready.scale))
    mean, std, known_size = _KNOWN_INPUTS.get(name.rpartition("/")[2], (None, None, None))
    fitting = [taken for ends, taken in _RANGES.items() if _is_normalised(ready, ends)]
    if (ready.scale, ready.shift) != (1, 0) and len(fitting) == 1:
        mean, std = fitting[0]
    return Entry(name, *(start.size or ready.size or (known_size, known_size)), mean, std)


def _is_normalised(way: _Way, ends: tuple[float, float]) -> bool:
    became = [way.scale * end + way.shift for end in ends]
    return any(np.allclose(became, wanted, atol=0.05) for wanted in _NORMALISED)


def _walk(wiring: Wiring, way: _Way) -> _Way:
    """Follows the chain while each node has a single reader that only prepares pictures."""
    while (reader := wiring.only_reader(way.at)) and (further := _step(wiring, way, reader)):
        way = further
    return way


def _step(wiring: Wiring, way: _Way, node: NodeDef) -> _Way | None:
    """The way extended by `node`, or None if `node` does not prepare pictures."""
    match Op.at(node.name, wiring.nodes):
        case Op("Cast" | "Identity"):
            return replace(way, at=node.name)
        case Op(kind) if kind in _DECODERS:
            return replace(way, at=node.name)
        case Op("ExpandDims"):
            return replace(way, at=node.name, batched=True)
        case Op(kind, [_, Known(size)]) if kind in _RESIZERS and size.shape == (2,):
            return replace(way, at=node.name, size=(int(size[0]), int(size[1])), batched=True)
        case Op("Add" | "Sub" | "Mul" | "Div") as op:
            if (found := affine(op)) is None or found.scale.size > 1 or found.shift.size > 1:
                return None
            if op.kind == "Sub" and node_of(found.source) != node_of(inputs_of(node)[0]):
                return None  # it inverts pictures
            scale, shift = float(found.scale), float(found.shift)
            return replace(way, at=node.name, scale=way.scale * scale, shift=way.shift * scale + shift)
    return None


def _plain(number: float) -> float:
    """Undoes single precision's rounding error: 128.0 for 127.99999."""
    return round(number, 4) + 0.0
