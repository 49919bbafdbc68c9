"""Rewrites a graph so that its products, and what lies between them, compute in 16 bits.

TensorFlow's own rewriter knows bfloat16 on processors only, and cannot be tried out without a GPU. This one gives the
same graph for every device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import frozen_graph
from .frozen_graph import node_of
from .wiring import PRODUCTS, Wiring, attribute, controls_of, in_order, inputs_of, insert, port_of

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

# Operations that lose nothing by computing in 16 bits what a product gave them in 16 bits. Others, such as means,
# exponentials and roots, stay in float32.
BETWEEN = (
    "Add",
    "AddV2",
    "AvgPool",
    "BiasAdd",
    "ConcatV2",
    "Elu",
    "FusedBatchNormV3",
    "Identity",
    "LeakyRelu",
    "MaxPool",
    "Maximum",
    "Minimum",
    "Mul",
    "Pad",
    "RealDiv",
    "Relu",
    "Relu6",
    "Reshape",
    "Sigmoid",
    "Squeeze",
    "Sub",
)


def rewrite(graph_def: GraphDef, output: str, kind: str) -> GraphDef:
    """`kind` is float16 or bfloat16. Weights, inputs and the node `output` stay in float32, under their names."""
    import tensorflow as tf

    half, whole = (tf.as_dtype(each).as_datatype_enum for each in (kind, "float32"))
    result = type(graph_def)()
    result.CopyFrom(graph_def)
    wiring = Wiring(result)
    halved = _halved(wiring, output, whole)
    cast: dict[tuple[str, int], str] = {}  # (tensor, type) -> its cast

    def as_type(source: str, kind: int) -> str:
        if (source, kind) not in cast:
            node = frozen_graph.operation(f"{node_of(source)}/as_{tf.as_dtype(kind).name}", "Cast", source)
            node.attr.clear()
            node.attr["SrcT"].type, node.attr["DstT"].type = whole if kind == half else half, kind
            cast[source, kind] = insert(wiring.nodes, node)
            added.append(node)
        return cast[source, kind]

    added: list[NodeDef] = []
    for node in result.node:
        takes, sources = _places(node) if node.name in halved else set(), inputs_of(node)
        for at, source in enumerate(sources):
            is_half = node_of(source) in halved and port_of(source) == 0
            if (at in takes) != is_half:
                sources[at] = as_type(source, half if at in takes else whole)
        node.input[:] = [*sources, *controls_of(node)]
        if node.name in halved:
            node.attr["T"].type = half
    result.node.extend(added)
    return result


def _halved(wiring: Wiring, output: str, whole: int) -> set[str]:
    """The nodes to compute in 16 bits: products, and what takes values from them."""
    found: set[str] = set()
    for node in in_order(wiring.nodes):
        # Graphs for TensorFlow 1 leave out a type that is the default, which is float32.
        if node.name == output or attribute(node, "T").type not in (whole, 0):
            continue
        if node.op in PRODUCTS:
            found.add(node.name)
        elif node.op in BETWEEN:
            sources = inputs_of(node)
            if any(node_of(sources[at]) in found and port_of(sources[at]) == 0 for at in _places(node)):
                found.add(node.name)
    return found


def _places(node: NodeDef) -> set[int]:
    """Which of its inputs have the type T."""
    from tensorflow.python.framework import op_def_registry  # the only way to get an op's inputs

    places: set[int] = set()
    at = 0
    for each in op_def_registry.get(node.op).input_arg:
        count = node.attr[each.number_attr].i if each.number_attr else 1
        if each.type_attr == "T":
            places.update(range(at, at + count))
        at += count
    return places
