"""Says with fewer and older operations what today's libraries put into a graph for one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import folding, frozen_graph
from .frozen_graph import node_of
from .shapes import Shape, infer_shapes
from .wiring import Nodes, Wiring, become_identity, inputs_of, insert, port_of, value

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

Shapes = dict[str, list[Shape]]


def simplify(graph_def: GraphDef, output: str) -> GraphDef:
    """Of a frozen graph without functions whose placeholder takes one picture, so that all shapes are known.

    What is worked out from shapes becomes constants, batch norms become scales and shifts, matrix products over
    places of a picture and grouped convolutions become the convolutions that they are.
    """
    graph_def = _pass_over(graph_def)
    shapes = infer_shapes(graph_def)
    nodes: Nodes = {node.name: node for node in graph_def.node}
    for node in list(nodes.values()):
        if node.op == "Shape" and _known(shapes, node.input[0]) is not None:
            _become_constant(node, np.array(_known(shapes, node.input[0]), np.int32))
        elif node.op.startswith("FusedBatchNorm"):
            _unfuse(node, nodes)
    folded = folding.fold_constants(type(graph_def)(node=nodes.values(), versions=graph_def.versions), output)
    nodes = {node.name: node for node in folded.node}
    wiring = Wiring(folded)
    for node in list(nodes.values()):
        if node.op == "Conv2D":
            _become_depthwise(node, nodes, shapes)
        elif node.op == "MatMul":
            _become_convolution(node, nodes, shapes, wiring)
        elif node.op == "StridedSlice":
            _become_slice(node, nodes, shapes)
    return frozen_graph.subgraph(
        type(graph_def)(node=nodes.values(), versions=graph_def.versions), output
    )  # what was given up is left out


def _pass_over(graph_def: GraphDef) -> GraphDef:
    """Without what only hands values on; of an IdentityN, which wraps a gradient, each output is an input."""
    nodes = {node.name: node for node in graph_def.node}

    def origin(source: str) -> str:
        while (node := nodes[node_of(source)]).op == "IdentityN" or node.op in folding.PASSING - {"Identity"}:
            source = inputs_of(node)[port_of(source)]
        return source.removesuffix(":0")  # as folding expects it

    result = type(graph_def)(versions=graph_def.versions)
    for node in graph_def.node:
        copy = result.node.add()
        copy.CopyFrom(node)
        copy.input[:] = [origin(source) for source in inputs_of(node)]
    return result


def _known(shapes: Shapes, source: str) -> tuple[int, ...] | None:
    shape = shapes[node_of(source)][port_of(source)]
    return None if shape is None or None in shape else shape


def _become_constant(node: NodeDef, values: np.ndarray) -> None:
    import tensorflow as tf

    kind = tf.as_dtype(node.attr["out_type"].type) if "out_type" in node.attr else tf.int32
    node.CopyFrom(frozen_graph.constant(node.name, values.astype(kind.as_numpy_dtype)))


def _unfuse(node: NodeDef, nodes: Nodes) -> None:
    """x * scale + shift, where its statistics are constants."""
    known = [value(source, nodes) for source in inputs_of(node)[1:5]]
    training = "is_training" not in node.attr or node.attr["is_training"].b
    if training or any(each is None for each in known) or node.attr["data_format"].s not in (b"", b"NHWC"):
        return
    gamma, beta, mean, variance = (each.astype(np.float64) for each in known)
    scale = gamma / np.sqrt(variance + node.attr["epsilon"].f)
    factor = insert(nodes, _constant(f"{node.name}/scale", scale))
    shift = insert(nodes, _constant(f"{node.name}/shift", beta - mean * scale))
    product = insert(nodes, frozen_graph.operation(f"{node.name}/mul", "Mul", node.input[0], factor))
    node.CopyFrom(frozen_graph.operation(node.name, "Add", product, shift))


def _become_depthwise(node: NodeDef, nodes: Nodes, shapes: Shapes) -> None:
    """A convolution in which each group has one channel."""
    given, kernel = _known(shapes, node.input[0]), value(node.input[1], nodes)
    if given is None or kernel is None or kernel.shape[2] != 1 or given[3] == 1:
        return
    height, width, _, outputs = kernel.shape
    around = kernel.reshape(height, width, given[3], outputs // given[3])
    node.op = "DepthwiseConv2dNative"
    node.input[1] = insert(nodes, frozen_graph.constant(f"{node.name}/depthwise_weights", around))
    for name in set(node.attr) - {"T", "strides", "padding", "data_format", "dilations"}:
        del node.attr[name]


def _become_convolution(node: NodeDef, nodes: Nodes, shapes: Shapes, wiring: Wiring) -> None:
    """A product with all places of a picture in rows, between one Reshape and another."""
    rows, kernel = nodes[node_of(node.input[0])], value(node.input[1], nodes)
    readers = wiring.readers.get(node.name, [])
    if rows.op != "Reshape" or kernel is None or [reader.op for reader in readers] != ["Reshape"]:
        return
    given, became = _known(shapes, rows.input[0]), _known(shapes, readers[0].name)
    turned = any(node.attr[name].b for name in ("transpose_a", "transpose_b") if name in node.attr)
    if given is None or became is None or len(given) != 4 or turned or became != (*given[:3], kernel.shape[1]):
        return
    weights = insert(nodes, frozen_graph.constant(f"{node.name}/weights", kernel[None, None]))
    made = frozen_graph.operation(node.name, "Conv2D", rows.input[0], weights, strides=[1, 1, 1, 1])
    made.attr["padding"].s = b"VALID"
    node.CopyFrom(made)
    become_identity(readers[0], node.name)


def _become_slice(node: NodeDef, nodes: Nodes, shapes: Shapes) -> None:
    """Where it takes one piece of each dimension, whole of the first, and turns nothing round."""
    given, became = _known(shapes, node.input[0]), _known(shapes, node.name)
    masks = {
        name: node.attr[name].i if name in node.attr else 0
        for name in ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
    }
    begin, _, strides = (value(source, nodes) for source in node.input[1:4])
    if given is None or became is None or len(given) != len(became) or begin is None or len(begin) != len(given):
        return
    if masks["ellipsis_mask"] or masks["new_axis_mask"] or masks["shrink_axis_mask"] or strides is None:
        return
    if (strides != 1).any() or given[0] != became[0]:
        return
    first = [
        0 if masks["begin_mask"] >> at & 1 else int(start) % size
        for at, (start, size) in enumerate(zip(begin, given, strict=True))
    ]
    starts = insert(nodes, frozen_graph.constant(f"{node.name}/begin", np.array(first, np.int32)))
    counts = insert(nodes, frozen_graph.constant(f"{node.name}/size", np.array([-1, *became[1:]], np.int32)))
    made = frozen_graph.operation(node.name, "Slice", node.input[0], starts, counts)
    made.attr["Index"].type = nodes[starts].attr["dtype"].type
    node.CopyFrom(made)


def _constant(name: str, values: np.ndarray) -> NodeDef:
    return frozen_graph.constant(name, values.astype(np.float32))
