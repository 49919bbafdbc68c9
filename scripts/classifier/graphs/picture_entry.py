"""Finds where pictures go into a graph, and how their pixels are prepared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..photos.preprocessing import RGB
from . import colour_range, picture_preparation
from .picture_preparation import DECODERS, Way
from .wiring import Wiring, attribute, placeholder_sizes

if TYPE_CHECKING:
    from tensorflow.core.framework.node_def_pb2 import NodeDef


@dataclass(frozen=True)
class _Maker:
    """A program whose graphs are known by the name of their input and by others in them."""

    others: re.Pattern[str]
    mean: float
    std: float
    size: int | None = None


# By the name of the input, which alone proves nothing: every program may write an `input` or a `Placeholder`.
_MAKERS = {
    # TensorFlow for Poets' graphs, and the MobileNets and their like of TensorFlow's model garden
    "input": _Maker(re.compile(r"(^|/)(final_result|((Mobile|NAS|PNAS)[Nn]et|Inception)\w*)(/|$)"), 128.0, 128.0),
    # TensorFlow for Poets' Inception
    "Mul": _Maker(re.compile(r"(^|/)(final_result|pool_3)(/|$)"), 128.0, 128.0, 299),
    # hub's retrain.py
    "Placeholder": _Maker(re.compile(r"(^|/)(module\w*|final_retrain_ops)/"), 0.0, 255.0),
}


@dataclass(frozen=True)
class Entry:
    """None for what was not found."""

    input_layer: str
    input_height: int | None = None
    input_width: int | None = None
    input_mean: float | None = None
    input_std: float | None = None
    channels: str | None = RGB


def find(wiring: Wiring, within: set[str]) -> Entry | None:
    """The place where pictures go in, if there is exactly one."""
    nodes = [node for name, node in wiring.nodes.items() if name in within]
    placeholders = [node for node in nodes if node.op == "Placeholder" and _may_be_pictures(node)]
    certain = [node for node in placeholders if placeholder_sizes(node)]
    starts = [*(certain or placeholders), *(node for node in nodes if node.op in DECODERS)]
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
    start = Way(name, (sizes[-3], sizes[-2]) if fixed else None, batched=len(sizes) == 4)
    if node.op in DECODERS or _is_of(node, "string", "uint8", "int32"):
        ready = picture_preparation.walk(wiring, start, colours_alike=True)
        if ready.size is None or not ready.batched or ready.plain_scale == 0:
            return None
        # scale * pixel + shift is (pixel - mean) / std.
        mean, std = _plain(-ready.plain_shift / ready.plain_scale), _plain(1 / ready.plain_scale)
        channels = RGB if node.op in DECODERS else colour_range.order(picture_preparation.walk(wiring, ready))
        return Entry(ready.at, *ready.size, mean, std, channels)
    ready = picture_preparation.walk(wiring, start)
    height, width = start.size or ready.size or (None, None)
    if (found := colour_range.of(ready)) is not None:
        return Entry(name, height, width, *found, colour_range.order(ready))
    maker = _MAKERS.get(name.rpartition("/")[2])
    if maker is None or not any(maker.others.search(each) for each in wiring.nodes):
        return Entry(name, height, width, channels=None)
    return Entry(name, height or maker.size, width or maker.size, maker.mean, maker.std)


def _plain(number: float) -> float:
    """Undoes single precision's rounding error: 128.0 for 127.99999."""
    return round(number, 4) + 0.0
