"""Rewrites graphs that today's libraries made for one picture, with fewer and older operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import affine, einsums, folding, frozen_graph
from .frozen_graph import node_of
from .patterns import Known, Op
from .shapes import Shape, all_known, infer_shapes
from .wiring import Nodes, Wiring, attribute, become_identity, inputs_of, insert, port_of

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

Shapes = dict[str, list[Shape]]


def simplify(graph_def: GraphDef, output: str) -> GraphDef:
    """Simplifies a frozen graph without functions, whose placeholder takes one picture, so that all shapes are known.

    Whatever is computed from shapes becomes a constant, batch norms become scales and shifts, and matrix products over
    a picture's positions and grouped convolutions become ordinary convolutions.
    """
    graph_def = einsums.spell_out(_pass_over(graph_def))
    shapes = infer_shapes(graph_def)
    nodes: Nodes = {node.name: node for node in graph_def.node}
    for node in list(nodes.values()):
        match Op.at(node.name, nodes):
            case Op("Shape", [given]) if (shape := _known(shapes, given.source)) is not None:
                _become_constant(node, np.array(shape, np.int32))
            case Op("FusedBatchNorm") as norm if (found := affine.batch_norm(norm)) is not None:
                affine.become_multiplication_and_addition(node, found, nodes)
            case Op("BiasAdd", [x, Op("Squeeze", [y])]) if _is_row(y.source, x.source, shapes):
                # What Keras makes of a sum with a single vector, which may depend on the picture.
                node.CopyFrom(frozen_graph.operation(node.name, "Add", x.source, y.source))
    folded = folding.fold_constants(type(graph_def)(node=nodes.values(), versions=graph_def.versions), output)
    wiring = Wiring(folded)
    nodes = dict(wiring.nodes)
    for node in list(folded.node):
        match Op.at(node.name, nodes):
            case Op("Conv2D", [pictures, Known(kernel)]):
                _become_depthwise(node, _known(shapes, pictures.source), kernel, nodes)
            case Op("MatMul", [Op("Reshape", [pictures, _]), Known(kernel)]):
                back = wiring.only_reader(node.name)
                if back is not None and back.op == "Reshape":
                    given, became = _known(shapes, pictures.source), _known(shapes, back.name)
                    if _is_convolution(node, given, became, kernel):
                        _become_convolution(node, pictures.source, kernel, nodes)
                        become_identity(back, node.name)
            case Op("StridedSlice", [whole, Known(begin), _, Known(strides)]) if np.all(strides == 1):
                _become_slice(node, whole.source, begin, nodes, shapes)
    return frozen_graph.subgraph(
        type(graph_def)(node=nodes.values(), versions=graph_def.versions), output
    )  # drops the nodes that are no longer used


def _pass_over(graph_def: GraphDef) -> GraphDef:
    """Removes nodes that only pass values on. An IdentityN, which wraps a gradient, passes each input to one output."""
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
    return all_known(shapes[node_of(source)][port_of(source)])


def _is_row(vector: str, of: str, shapes: Shapes) -> bool:
    """True if `vector` is a single row, of the same rank as `of`."""
    given = _known(shapes, of)
    return given is not None and _known(shapes, vector) == (*[1] * (len(given) - 1), given[-1])


def _become_constant(node: NodeDef, values: np.ndarray) -> None:
    import tensorflow as tf

    kind = tf.as_dtype(node.attr["out_type"].type) if "out_type" in node.attr else tf.int32
    node.CopyFrom(frozen_graph.constant(node.name, values.astype(kind.as_numpy_dtype)))


def _become_depthwise(node: NodeDef, given: tuple[int, ...] | None, kernel: np.ndarray, nodes: Nodes) -> None:
    """Turns a grouped convolution with one channel per group into a depthwise one."""
    if given is None or kernel.shape[2] != 1 or given[3] == 1:
        return
    height, width, _, outputs = kernel.shape
    around = kernel.reshape(height, width, given[3], outputs // given[3])
    node.op = "DepthwiseConv2dNative"
    node.input[1] = insert(nodes, frozen_graph.constant(f"{node.name}/depthwise_weights", around))
    for name in set(node.attr) - {"T", "strides", "padding", "data_format", "dilations"}:
        del node.attr[name]


def _is_convolution(
    node: NodeDef, given: tuple[int, ...] | None, became: tuple[int, ...] | None, kernel: np.ndarray
) -> bool:
    """True if a matrix product between two Reshapes has a row per position of the picture, and keeps positions."""
    turned = any(attribute(node, name).b for name in ("transpose_a", "transpose_b"))
    return given is not None and len(given) == 4 and not turned and became == (*given[:3], kernel.shape[1])


def _become_convolution(node: NodeDef, pictures: str, kernel: np.ndarray, nodes: Nodes) -> None:
    weights = insert(nodes, frozen_graph.constant(f"{node.name}/weights", kernel[None, None]))
    made = frozen_graph.operation(node.name, "Conv2D", pictures, weights, strides=[1, 1, 1, 1])
    made.attr["padding"].s = b"VALID"
    node.CopyFrom(made)


def _become_slice(node: NodeDef, whole: str, begin: np.ndarray, nodes: Nodes, shapes: Shapes) -> None:
    """Turns the node into a Slice, if it takes one contiguous piece of each dimension, and all of the first."""
    given, became = _known(shapes, whole), _known(shapes, node.name)
    if given is None or became is None or not len(given) == len(became) == len(begin) or given[0] != became[0]:
        return
    if any(attribute(node, name).i for name in ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask")):
        return
    from_the_start = attribute(node, "begin_mask").i
    first = [
        0 if from_the_start >> at & 1 else int(start) % size
        for at, (start, size) in enumerate(zip(begin, given, strict=True))
    ]
    starts = insert(nodes, frozen_graph.constant(f"{node.name}/begin", np.array(first, np.int32)))
    counts = insert(nodes, frozen_graph.constant(f"{node.name}/size", np.array([-1, *became[1:]], np.int32)))
    made = frozen_graph.operation(node.name, "Slice", whole, starts, counts)
    made.attr["Index"].type = nodes[starts].attr["dtype"].type
    node.CopyFrom(made)
