"""Rewrites a backbone's graph into an equivalent one that trains faster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...graphs import folding
from ...graphs.frozen_graph import node_of
from ...graphs.patterns import Known, Op
from ...graphs.wiring import CONVOLUTIONS, Wiring, become_identity, value

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef


def rewrite(graph_def: GraphDef, output: str) -> tuple[GraphDef, dict[str, np.ndarray]]:
    """The graph without most batch norms, and the scales to multiply its kernels by instead.

    A batch norm's scale after a convolution goes into the kernel, which is small. Its shift becomes a bias, which
    TensorFlow adds within the convolution. Scales are [channels out], by the name of the kernel's constant.
    """
    folded = folding.fold_constants(graph_def, output)
    wiring = Wiring(folded)
    scales: dict[str, np.ndarray] = {}
    for node in folded.node:
        if node.op not in CONVOLUTIONS:
            continue
        kernel, last = node_of(node.input[1]), node
        channels = _channels(node, value(kernel, wiring.nodes))
        match _reader(wiring, last):
            case Op("Mul", [_, Known() as scale] | [Known() as scale, _]) as scaling:
                if scale.value.shape == (channels,) and wiring.only_reader(kernel):
                    scales[kernel] = scale.value
                    become_identity(scaling.node, node.name)
                    last = scaling.node
        match _reader(wiring, last):
            case Op("Add", [_, Known() as shift] | [Known() as shift, _]) as addition:
                if shift.value.shape == (channels,):
                    addition.node.op = "BiasAdd"
                    addition.node.input[:] = [node.name, shift.source]
    return folded, scales


def _reader(wiring: Wiring, node: NodeDef) -> Op | None:
    """The operation of the only node that reads this one."""
    reader = wiring.only_reader(node.name)
    return None if reader is None else Op.at(reader.name, wiring.nodes)


def _channels(node: NodeDef, kernel: np.ndarray | None) -> int | None:
    if kernel is None:
        return None
    return kernel.shape[3] if node.op == "Conv2D" else kernel.shape[2] * kernel.shape[3]
