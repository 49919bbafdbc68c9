"""Rewrites a backbone's graph so that a training step on it is fast; what it computes stays the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...graphs import folding
from ...graphs.frozen_graph import node_of
from ...graphs.wiring import Wiring, become_identity, inputs_of, value

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative")


def rewrite(graph_def: GraphDef, output: str) -> tuple[GraphDef, dict[str, np.ndarray]]:
    """The graph without most of what batch norms do, and by what kernels are to be multiplied to make up for it.

    The latter is [channels out], by the name of the constant that the convolution reads. A scale behind a convolution
    can go into its kernel, which is small, and a shift becomes a bias, which TensorFlow adds within the convolution.
    """
    folded = folding.fold_constants(graph_def, output)
    wiring, scales = Wiring(folded), {}
    for node in folded.node:
        if node.op not in _CONVOLUTIONS:
            continue
        kernel, last = node_of(node.input[1]), node
        channels = _channels(node, value(kernel, wiring.nodes))
        reader = _only_reader(wiring, node)
        scale = None if reader is None or reader.op != "Mul" else _per_channel(wiring, reader, node, channels)
        if scale is not None and len(wiring.readers[kernel]) == 1:
            scales[kernel] = scale
            become_identity(reader, node.name)
            last = reader
        reader = _only_reader(wiring, last)
        shift = None if reader is None or reader.op not in ("Add", "AddV2") else _other(wiring, reader, last)
        if shift is not None and value(shift, wiring.nodes).shape == (channels,):
            reader.op = "BiasAdd"
            reader.input[:] = [node.name, shift]
    return folded, scales


def _channels(node: NodeDef, kernel: np.ndarray | None) -> int | None:
    if kernel is None:
        return None
    return kernel.shape[3] if node.op == "Conv2D" else kernel.shape[2] * kernel.shape[3]


def _only_reader(wiring: Wiring, node: NodeDef) -> NodeDef | None:
    readers = wiring.readers.get(node.name, [])
    return readers[0] if len(readers) == 1 else None


def _other(wiring: Wiring, node: NodeDef, first: NodeDef) -> str | None:
    """The constant that the node reads beside `first`."""
    others = [source for source in inputs_of(node) if node_of(source) != first.name]
    return others[0] if len(others) == 1 and value(others[0], wiring.nodes) is not None else None


def _per_channel(wiring: Wiring, node: NodeDef, first: NodeDef, channels: int | None) -> np.ndarray | None:
    other = _other(wiring, node, first)
    scale = None if other is None else value(other, wiring.nodes)
    return scale if scale is not None and scale.shape == (channels,) else None
