"""Rewrites what only TensorFlows of 2015 to 2019 put into frozen graphs, so that today's predicts with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError
from . import frozen_graph
from .frozen_graph import node_of
from .wiring import (
    Nodes,
    attribute,
    become_identity,
    controls_of,
    in_order,
    inputs_of,
    insert,
    placeholder_sizes,
    port_of,
    value,
)

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

# What is fed in training only, by words of the node's name, and its value when predicting; the first that fits
# counts: `dropout_keep_prob` is a share to keep. Old graphs do not always say that a placeholder is a single number,
# so that only names that leave no doubt count where it might be pictures.
_SHARES = ((re.compile("keep"), 1), (re.compile("drop"), 0))
_SWITCHES = ((re.compile("test|infer|predict|eval"), 1), (re.compile("train|phase|drop"), 0))
_NUMBERED_SWITCHES = ((re.compile("learning_phase|phase_train|is_train"), 0),)

_LOOPS = {"Enter", "Exit", "NextIteration", "RefEnter"}
_VARIABLES = {"Variable", "VariableV2", "VarHandleOp"}
_SUMS = ("Add", "AddV2")


def modernise(graph_def: GraphDef) -> GraphDef:
    """The same graph for predicting, free of what depends on the version that wrote it; names of nodes stay.

    Old batch norms become a multiplication and an addition, Concat becomes ConcatV2. What only training needs is
    passed over: dropout, checks of numbers, branches for training, placeholders like keep_prob or is_training,
    defaults of placeholders. Eight-bit operations stay: today's TensorFlow runs them.
    """
    nodes: Nodes = {}
    for node in graph_def.node:
        copy = nodes[node.name] = type(node)()
        copy.CopyFrom(node)
        _drop_what_binds(copy)
    _settle_placeholders(nodes)
    _pass_over_dropout(nodes)
    _pass_over_checks(nodes)
    _take_known_branches(nodes)
    _rewrite_batch_norms(nodes)
    for node in nodes.values():
        if node.op == "Concat":
            _rewrite_concat(node)
    return type(graph_def)(node=nodes.values(), library=graph_def.library, versions=graph_def.versions)


def refuse_what_cannot_run(graph_def: GraphDef, origin: str) -> None:
    """Raises for operations that this TensorFlow does not have, or that only make sense with a checkpoint."""
    import tensorflow as tf
    from tensorflow.python.framework import kernels, op_def_registry  # the one way to what a TensorFlow can run

    own = {function.signature.name for function in graph_def.library.function}
    for op, node in {node.op: node for node in graph_def.node if node.op not in own}.items():
        if op in _VARIABLES:
            raise UserError(
                f"{origin} is not frozen: the weights of its node {node.name} are in a checkpoint; "
                "freeze the graph first"
            )
        runs_on = {kernel.device_type for kernel in kernels.get_registered_kernels_for_op(op).kernel}
        if op_def_registry.get(op) is None or not runs_on & {"CPU", "DEFAULT"}:
            raise UserError(
                f"{origin} needs the operation {op} (its node {node.name}), which TensorFlow {tf.__version__} "
                "does not have: retrain to get a graph that runs"
            )


def _drop_what_binds(node: NodeDef) -> None:
    """To a machine, to other nodes' places, to shapes of the time of writing, or to another TensorFlow."""
    from tensorflow.python.framework import op_def_registry

    node.device = ""
    op = op_def_registry.get(node.op)
    known = None if op is None else {attr.name for attr in op.attr}
    for name in list(node.attr):
        if name.startswith("_") or (known is not None and name not in known):
            del node.attr[name]
    if node.op == "PlaceholderV2":
        node.op = "Placeholder"


def _settle_placeholders(nodes: Nodes) -> None:
    """What only training feeds becomes a constant; a placeholder with a default becomes that default."""
    for name, node in list(nodes.items()):
        if node.op not in ("Placeholder", "PlaceholderWithDefault"):
            continue
        sizes = placeholder_sizes(node)
        settled = None if sizes else _value_when_predicting(node)
        if settled is not None:
            nodes[name].CopyFrom(frozen_graph.constant(name, settled))
        elif node.op == "PlaceholderWithDefault":
            if len(sizes) == 4 and value(node.input[0], nodes) is not None:
                # Where pictures go in; the default is what is looked at where none is given.
                node.op = "Placeholder"
                del node.input[:]
            else:
                become_identity(node, node.input[0])


def _value_when_predicting(node: NodeDef) -> np.ndarray | None:
    import tensorflow as tf

    kind = tf.as_dtype(attribute(node, "dtype").type)
    if kind == tf.string:
        return None
    values = _SWITCHES if kind.is_bool else _SHARES if kind.is_floating else _NUMBERED_SWITCHES
    last = node.name.rpartition("/")[2].lower()
    return next((np.array(given, kind.as_numpy_dtype) for words, given in values if words.search(last)), None)


def _pass_over_dropout(nodes: Nodes) -> None:
    """x / keep_prob * floor(keep_prob + random), and what later TensorFlows wrote for it, becomes x."""
    for node in nodes.values():
        if node.op == "Mul":
            pairs = (node.input[:2], node.input[1::-1])
            scaled = next((scaled for scaled, mask in pairs if _is_dropout_mask(mask, nodes)), None)
        elif node.op in ("Select", "SelectV2") and _is_random_test(node.input[0], nodes):
            scaled = node.input[1]
        else:
            continue
        if scaled is not None:
            become_identity(node, _unscaled(scaled, nodes))


def _is_dropout_mask(name: str, nodes: Nodes) -> bool:
    node = nodes.get(node_of(name))
    if node is None or not node.input:
        return False
    if node.op == "Floor":
        return _is_random(node.input[0], nodes)
    return node.op == "Cast" and _is_random_test(node.input[0], nodes)


def _is_random_test(name: str, nodes: Nodes) -> bool:
    node = nodes.get(node_of(name))
    return node is not None and node.op in ("GreaterEqual", "Less") and _is_random(node.input[0], nodes)


def _is_random(name: str, nodes: Nodes) -> bool:
    """Whether it is RandomUniform, stretched and shifted by whatever."""
    waiting, seen = [node_of(name)], set()
    while waiting:
        node = nodes.get(waiting.pop())
        if node is None or node.name in seen:
            continue
        seen.add(node.name)
        if node.op == "RandomUniform":
            return True
        if node.op in (*_SUMS, "Sub", "Mul", "Identity"):
            waiting += [node_of(source) for source in node.input]
    return False


def _unscaled(name: str, nodes: Nodes) -> str:
    """x of x / keep_prob or of x * (1 / keep_prob)."""
    node = nodes[node_of(name)]
    if node.op in ("Div", "RealDiv"):
        return node.input[0]
    if node.op == "Mul":
        scalars = [_is_scalar(source, nodes) for source in node.input[:2]]
        if scalars.count(True) == 1:
            return node.input[scalars.index(False)]
    return name


def _is_scalar(name: str, nodes: Nodes) -> bool:
    """Whether it is worked out from single numbers alone."""
    node = nodes.get(node_of(name))
    if node is None:
        return False
    if node.op == "Const":
        return not node.attr["value"].tensor.tensor_shape.dim
    if node.op == "Placeholder":
        return not placeholder_sizes(node)
    arithmetic = (*_SUMS, "Sub", "Mul", "Div", "RealDiv", "Inv", "Reciprocal", "Identity", "Cast")
    return node.op in arithmetic and all(_is_scalar(source, nodes) for source in node.input)


def _pass_over_checks(nodes: Nodes) -> None:
    for node in nodes.values():
        if node.op == "CheckNumerics":
            become_identity(node, node.input[0])
        elif node.op == "Assert":
            node.op = "NoOp"
            del node.input[:]
            node.attr.clear()


def _take_known_branches(nodes: Nodes) -> None:
    """Switch and Merge on a condition that is known become what that branch gives."""
    if any(node.op in _LOOPS for node in nodes.values()):
        return
    dead: set[str] = set()  # nodes that never run
    closed: dict[str, int] = {}  # of a Switch, the output that never comes
    merged: dict[str, str] = {}  # of a Merge, the one input that comes

    def never_comes(source: str) -> bool:
        name = node_of(source)
        return name in dead or (not source.startswith("^") and closed.get(name) == port_of(source))

    for node in in_order(nodes):
        if node.op == "Merge":
            sources = inputs_of(node)
            alive = [source for source in sources if not never_comes(source)]
            if not alive:
                dead.add(node.name)
            elif len(alive) == 1 < len(sources):
                merged[node.name] = alive[0]
        elif any(never_comes(source) for source in node.input):
            dead.add(node.name)
        elif node.op == "Switch":
            condition = _condition(node.input[1], nodes)
            if condition is not None:
                closed[node.name] = 0 if condition else 1
    for name in dead:
        del nodes[name]
    for name in closed:
        become_identity(nodes[name], nodes[name].input[0])
    for name, source in merged.items():
        become_identity(nodes[name], source)
    for node in nodes.values():
        for index, source in enumerate(node.input):
            if not source.startswith("^") and node_of(source) in closed:
                node.input[index] = node_of(source)


def _condition(name: str, nodes: Nodes) -> bool | None:
    node = nodes.get(node_of(name))
    if node is not None and node.op == "LogicalNot":
        inner = _condition(node.input[0], nodes)
        return None if inner is None else not inner
    if node is not None and node.op == "Identity":
        return _condition(node.input[0], nodes)
    known = value(name, nodes)
    return None if known is None else bool(known)


def _rewrite_batch_norms(nodes: Nodes) -> None:
    """BatchNormWithGlobalNormalization, refused in graphs of producer 9 and later, becomes x * scale + shift."""
    for node in [node for node in nodes.values() if node.op == "BatchNormWithGlobalNormalization"]:
        name, (x, *inputs) = node.name, node.input[:5]
        epsilon, scaled = attribute(node, "variance_epsilon").f, attribute(node, "scale_after_normalization").b
        known = [value(source, nodes) for source in inputs]
        if all(values is not None for values in known):
            mean, variance, beta, gamma = (values.astype(np.float64) for values in known)
            factor = 1 / np.sqrt(variance + epsilon) * (gamma if scaled else 1)
            scale = insert(nodes, _constant(f"{name}/scale", factor))
            shift = insert(nodes, _constant(f"{name}/shift", beta - mean * factor))
        else:
            mean, variance, beta, gamma = inputs
            least = insert(nodes, _constant(f"{name}/epsilon", np.array(epsilon)))
            scale = insert(nodes, frozen_graph.operation(f"{name}/add", "Add", variance, least))
            scale = insert(nodes, frozen_graph.operation(f"{name}/Rsqrt", "Rsqrt", scale))
            if scaled:
                scale = insert(nodes, frozen_graph.operation(f"{name}/mul", "Mul", scale, gamma))
            shift = insert(nodes, frozen_graph.operation(f"{name}/mul", "Mul", mean, scale))
            shift = insert(nodes, frozen_graph.operation(f"{name}/sub", "Sub", beta, shift))
        product = insert(nodes, frozen_graph.operation(f"{name}/mul", "Mul", x, scale))
        node.CopyFrom(frozen_graph.operation(name, "Add", product, shift, *controls_of(node)))


def _constant(name: str, values: np.ndarray) -> NodeDef:
    return frozen_graph.constant(name, values.astype(np.float32))


def _rewrite_concat(node: NodeDef) -> None:
    import tensorflow as tf

    parts, controls = inputs_of(node), controls_of(node)
    node.op = "ConcatV2"
    del node.input[:]
    node.input.extend([*parts[1:], parts[0], *controls])
    node.attr["Tidx"].type = tf.int32.as_datatype_enum
