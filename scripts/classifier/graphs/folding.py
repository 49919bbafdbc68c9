"""Computes in advance all of a frozen graph that does not depend on the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError, in_short
from . import frozen_graph, tensor_sizes
from .frozen_graph import node_of
from .patterns import Known, Op
from .wiring import Wiring, in_order, inputs_of

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef


# Operations that pass their values on unchanged.
PASSING = {"Identity", "StopGradient", "PreventGradient", "Snapshot", "PlaceholderWithDefault", "CheckNumerics"}


def fold_constants(graph_def: GraphDef, output: str) -> GraphDef:
    """Replaces everything computed from constants alone by its value.

    Computed values (dequantized weights, reshaped means) become constants with the name of the node that computed
    them. Identity nodes in between are skipped.
    """
    ordered = list(in_order({node.name: node for node in graph_def.node}, output, controls=False))
    fixed: dict[str, bool] = {}
    for node in ordered:
        inputs = [node_of(name) for name in inputs_of(node)]
        fixed[node.name] = node.op == "Const" or (bool(inputs) and all(fixed[name] for name in inputs))
    needed = {
        node_of(name) for node in ordered if not fixed[node.name] for name in inputs_of(node) if fixed[node_of(name)]
    }
    values = _evaluate(
        graph_def, sorted(node.name for node in ordered if node.name in needed and node.op != "Const"), fixed
    )
    folded = type(graph_def)(versions=graph_def.versions)
    through: dict[str, str] = {}
    for node in ordered:
        if node.name in values:
            folded.node.append(frozen_graph.constant(node.name, values[node.name]))
        elif node.name in needed:
            folded.node.append(node)
        elif not fixed[node.name]:
            inputs = [through.get(name, name) for name in inputs_of(node)]
            if node.op == "Identity" and node.name != output:
                through[node.name] = inputs[0]
                continue
            folded.node.append(node)
            folded.node[-1].input[:] = inputs
    return folded


def handed_on(graph_def: GraphDef, name: str) -> str:
    """The node that produces the values of `name`: itself, or an earlier one if it only passes values on."""
    nodes = {node.name: node for node in graph_def.node}
    while nodes[name].op in PASSING:
        name = node_of(inputs_of(nodes[name])[0])
    return name


def fold_scales_into_convolutions(graph_def: GraphDef) -> GraphDef:
    """Turns Conv2D(x, w) * s into Conv2D(x, w * s), so that each batch norm is only an addition."""
    result = type(graph_def)(node=graph_def.node, versions=graph_def.versions)
    wiring = Wiring(result)
    renamed: dict[str, str] = {}
    for node in result.node:
        match Op.at(node.name, wiring.nodes):
            case Op("Mul", [Op("Conv2D") as convolution, Known(factor)] | [Known(factor), Op("Conv2D") as convolution]):
                weights = convolution.inputs[1]
                read_once = all(wiring.only_reader(each.node.name) for each in (convolution, weights))
                if read_once and isinstance(weights, Known) and factor.size == weights.value.shape[3]:
                    scaled = (weights.value * factor.reshape(-1)).astype(np.float32)
                    weights.node.CopyFrom(frozen_graph.constant(weights.node.name, scaled))
                    renamed[node.name] = convolution.node.name
    kept = [node for node in result.node if node.name not in renamed]
    for node in kept:
        node.input[:] = [renamed.get(source, source) for source in node.input]
    used = {node_of(source) for node in kept for source in node.input}
    return type(graph_def)(
        node=[node for node in kept if node.op != "Const" or node.name in used], versions=graph_def.versions
    )


def value_of(name: str, nodes: list[NodeDef]) -> np.ndarray:
    """The value of a node that is computed from constants alone, all of which are among `nodes`."""
    from tensorflow.core.framework.graph_pb2 import GraphDef

    return _evaluate(GraphDef(node=nodes), [name], {node.name: True for node in nodes})[name]


def _evaluate(graph_def: GraphDef, names: list[str], fixed: dict[str, bool]) -> dict[str, np.ndarray]:
    import tensorflow as tf

    if not names:
        return {}
    own = type(graph_def)(library=graph_def.library, versions=graph_def.versions)
    for node in graph_def.node:
        if fixed.get(node.name):
            copy = own.node.add()
            copy.CopyFrom(node)
            copy.input[:] = inputs_of(node)
    try:
        return _values(own, names)
    except (ValueError, tf.errors.OpError) as error:
        reason = in_short(getattr(error, "message", None) or error)
        raise UserError(
            f"the network's constants cannot be computed ({reason}): it is damaged; get or train it again"
        ) from None


def _values(graph_def: GraphDef, names: list[str]) -> dict[str, np.ndarray]:
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        tensors = tf.graph_util.import_graph_def(graph_def, return_elements=[f"{name}:0" for name in names], name="")
        tensor_sizes.refuse_large(tensor_sizes.of_graph(graph), "the network")
        with tf.compat.v1.Session() as session:
            return dict(zip(names, session.run(tensors), strict=True))
