"""Makes graphs that take BGR take RGB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import frozen_graph
from .frozen_graph import node_of
from .wiring import attribute, insert

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef


def turned_round(graph_def: GraphDef, input_layer: str) -> GraphDef:
    """The graph with the order of the colours turned round behind its input.

    A convolution of one pixel does it exactly, and every format has that operation.
    """
    entry = node_of(input_layer)
    nodes = {node.name: type(node).FromString(node.SerializeToString()) for node in graph_def.node}
    kind = attribute(nodes[entry], "dtype").type if nodes[entry].op == "Placeholder" else None
    numbers = np.float32 if kind is None else _numbers(kind)
    weights = frozen_graph.constant(f"{entry}/turned/weights", np.eye(3, dtype=numbers)[None, None, ::-1])
    turned = frozen_graph.operation(f"{entry}/turned", "Conv2D", entry, insert(nodes, weights), strides=[1, 1, 1, 1])
    turned.attr["T"].type = weights.attr["dtype"].type
    turned.attr["padding"].s = b"VALID"
    readers = list(nodes.values())
    name = insert(nodes, turned)
    for node in readers:
        node.input[:] = [name if source in (entry, f"{entry}:0") else source for source in node.input]
    return type(graph_def)(node=nodes.values(), library=graph_def.library, versions=graph_def.versions)


def _numbers(kind: int) -> type:
    import tensorflow as tf

    return tf.as_dtype(kind).as_numpy_dtype
