"""Mirrors pictures inside a graph, with operations that every reader supports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import frozen_graph
from .patterns import Known, Op
from .wiring import Wiring

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.core.framework.graph_pb2 import GraphDef

_WIDTH_AXIS = 2


def mirrored(pictures: tf.Tensor) -> tf.Tensor:
    """Flips [n, height, width, channels] left to right.

    OpenCV's importer lacks ReverseV2, so a picture is padded by reflection at its left edge, and the reflection kept.
    """
    import tensorflow as tf

    _, height, width, channels = pictures.shape
    reflected = tf.pad(pictures, _paddings(width), "REFLECT")
    return tf.slice(reflected, [0, 0, 0, 0], [-1, height, width, channels])


def reversed_where_mirrored(graph_def: GraphDef) -> GraphDef:
    """The graph with ReverseV2 instead, which takes LiteRT a tenth of the time."""
    result = type(graph_def)()
    result.CopyFrom(graph_def)
    nodes = Wiring(result).nodes
    for node in list(result.node):
        if (pictures := _what_is_mirrored(Op.at(node.name, nodes))) is not None:
            axis = frozen_graph.constant(f"{node.name}/axis", np.array([_WIDTH_AXIS], np.int32))
            result.node.append(axis)
            turned = frozen_graph.operation(node.name, "ReverseV2", pictures, axis.name)
            turned.attr["Tidx"].CopyFrom(axis.attr["dtype"])
            node.CopyFrom(turned)
    return result


def _what_is_mirrored(op: Op) -> str | None:
    """The tensor that this Slice and the MirrorPad before it flip, or None."""
    match op:
        case Op("Slice", [Op("MirrorPad", [pictures, Known(paddings)]) as pad, Known(begin), Known(size)]):
            reflects = pad.node.attr["mode"].s == b"REFLECT" and len(size) == 4 and not np.any(begin)
            if reflects and np.array_equal(paddings, _paddings(size[_WIDTH_AXIS])):
                return pictures.source
    return None


def _paddings(width: int) -> np.ndarray:
    return np.array([[0, 0], [0, 0], [width - 1, 0], [0, 0]], np.int32)
