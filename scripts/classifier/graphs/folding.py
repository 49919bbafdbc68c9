"""Works out beforehand what in a frozen graph does not depend on the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import frozen_graph
from .frozen_graph import node_of
from .wiring import inputs_of

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef


# What hands its values on as they are.
PASSING = {"Identity", "StopGradient", "PreventGradient", "Snapshot", "PlaceholderWithDefault", "CheckNumerics"}


def fold_constants(graph_def: GraphDef, output: str) -> GraphDef:
    """The graph with everything computed from constants alone replaced by its value.

    Values that were computed (dequantized weights, reshaped means) become constants named like the
    node that computed them; Identity nodes on the way are passed over.
    """
    nodes = {node.name: node for node in graph_def.node}
    fixed: dict[str, bool] = {}
    for node in _in_order(nodes, output):
        inputs = [node_of(name) for name in inputs_of(node)]
        fixed[node.name] = node.op == "Const" or (bool(inputs) and all(fixed[name] for name in inputs))
    needed = {
        node_of(name)
        for node in graph_def.node
        if node.name in fixed and not fixed[node.name]
        for name in inputs_of(node)
        if fixed[node_of(name)]
    }
    values = _evaluate(graph_def, sorted(name for name in needed if nodes[name].op != "Const"), fixed)
    folded = type(graph_def)()
    folded.versions.CopyFrom(graph_def.versions)
    through: dict[str, str] = {}
    for node in _in_order(nodes, output):
        if node.name in values:
            folded.node.append(frozen_graph.constant(node.name, values[node.name]))
        elif node.name in needed:
            folded.node.add().CopyFrom(node)
        elif not fixed[node.name]:
            inputs = [through.get(name, name) for name in inputs_of(node)]
            if node.op == "Identity" and node.name != output:
                through[node.name] = inputs[0]
                continue
            copy = folded.node.add()
            copy.CopyFrom(node)
            del copy.input[:]
            copy.input.extend(inputs)
    return folded


def handed_on(graph_def: GraphDef, name: str) -> str:
    """The node whose values `name` gives: itself, or one before it where it hands those on as they are."""
    nodes = {node.name: node for node in graph_def.node}
    while nodes[name].op in PASSING:
        name = node_of(inputs_of(nodes[name])[0])
    return name


def fold_scales_into_convolutions(graph_def: GraphDef) -> GraphDef:
    """Conv2D(x, w) * s becomes Conv2D(x, w * s): what is left of a batch norm is then one addition."""
    result = type(graph_def)(node=graph_def.node, versions=graph_def.versions)
    nodes = {node.name: node for node in result.node}
    readers: dict[str, list[NodeDef]] = {}
    for node in result.node:
        for name in node.input:
            readers.setdefault(node_of(name), []).append(node)
    renamed: dict[str, str] = {}
    for mul in [node for node in result.node if node.op == "Mul"]:
        pair = sorted((nodes[node_of(name)] for name in mul.input), key=lambda node: node.op == "Const")
        conv, scale = pair
        if conv.op != "Conv2D" or scale.op != "Const" or len(readers[conv.name]) > 1:
            continue
        weights = nodes[node_of(conv.input[1])]
        if weights.op != "Const" or len(readers[weights.name]) > 1:
            continue
        kernel, factor = _value(weights), _value(scale)
        if factor.size != kernel.shape[3]:
            continue
        weights.CopyFrom(frozen_graph.constant(weights.name, (kernel * factor.reshape(-1)).astype(np.float32)))
        renamed[mul.name] = conv.name
    kept = [node for node in result.node if node.name not in renamed]
    for node in kept:
        for index, name in enumerate(node.input):
            node.input[index] = renamed.get(name, name)
    used = {node_of(name) for node in kept for name in node.input}
    return type(graph_def)(
        node=[node for node in kept if node.op != "Const" or node.name in used], versions=graph_def.versions
    )


def _in_order(nodes: dict[str, NodeDef], output: str) -> list[NodeDef]:
    """What leads to output, each node after its inputs."""
    ordered: list[NodeDef] = []
    seen: set[str] = set()
    waiting = [(output, False)]
    while waiting:
        name, inputs_done = waiting.pop()
        if inputs_done:
            ordered.append(nodes[name])
        elif name not in seen:
            seen.add(name)
            waiting.append((name, True))
            waiting += [(node_of(source), False) for source in inputs_of(nodes[name])]
    return ordered


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
    with tf.Graph().as_default():
        tensors = tf.graph_util.import_graph_def(own, return_elements=[f"{name}:0" for name in names], name="")
        with tf.compat.v1.Session() as session:
            return dict(zip(names, session.run(tensors), strict=True))


def _value(constant: NodeDef) -> np.ndarray:
    import tensorflow as tf

    return tf.make_ndarray(constant.attr["value"].tensor)
