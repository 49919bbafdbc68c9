"""Rewrites frozen graphs from the TensorFlow of 2015 to 2019 so that today's can run them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError
from . import affine, branches, dropout, frozen_graph
from .patterns import Op
from .wiring import Nodes, attribute, become_identity, controls_of, insert, placeholder_sizes, value

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

# Words in the names of placeholders that are fed only in training, and their value in inference. The first match
# counts: `dropout_keep_prob` is a share to keep. Old graphs do not always say that a placeholder is a single number,
# so if it might hold pictures, only unmistakable names count.
_SHARES = ((re.compile("keep"), 1), (re.compile("drop"), 0))
_SWITCHES = ((re.compile("test|infer|predict|eval"), 1), (re.compile("train|phase|drop"), 0))
_NUMBERED_SWITCHES = ((re.compile("learning_phase|phase_train|is_train"), 0),)

_VARIABLES = {"Variable", "VariableV2", "VarHandleOp"}


def modernise(graph_def: GraphDef) -> GraphDef:
    """The same graph for inference, without what depends on the version that wrote it. Nodes keep their names.

    Old batch norms become a multiplication and an addition, Concat becomes ConcatV2. What only training needs is
    removed: dropout, numeric checks, training branches, placeholders such as keep_prob or is_training, and defaults
    of placeholders. Eight-bit operations stay: today's TensorFlow runs them.
    """
    nodes: Nodes = {}
    for node in graph_def.node:
        copy = nodes[node.name] = type(node)()
        copy.CopyFrom(node)
        _drop_what_binds(copy)
    _settle_placeholders(nodes)
    dropout.pass_over(nodes)
    _pass_over_checks(nodes)
    branches.take_known(nodes)
    for node in list(nodes.values()):
        _rewrite(node, nodes)
    return type(graph_def)(node=nodes.values(), library=graph_def.library, versions=graph_def.versions)


def refuse_what_cannot_run(graph_def: GraphDef, origin: object) -> None:
    """Raises for operations that this TensorFlow lacks, or that need a checkpoint."""
    import tensorflow as tf
    from tensorflow.python.framework import kernels, op_def_registry  # the only way to ask what TensorFlow can run

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
    """Removes ties to a machine, other nodes' devices, old shapes, or another TensorFlow."""
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
    """Turns placeholders fed only in training into constants, and placeholders with a default into that default."""
    for name, node in list(nodes.items()):
        if node.op not in ("Placeholder", "PlaceholderWithDefault"):
            continue
        sizes = placeholder_sizes(node)
        settled = None if sizes else _value_when_predicting(node)
        if settled is not None:
            nodes[name].CopyFrom(frozen_graph.constant(name, settled))
        elif node.op == "PlaceholderWithDefault":
            if len(sizes) == 4 and value(node.input[0], nodes) is not None:
                # This is where pictures go in; the default is only a stand-in for them.
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


def _pass_over_checks(nodes: Nodes) -> None:
    for node in nodes.values():
        match Op.at(node.name, nodes):
            case Op("CheckNumerics", [checked]):
                become_identity(node, checked.source)
            case Op("Assert"):
                node.op = "NoOp"
                del node.input[:]
                node.attr.clear()


def _rewrite(node: NodeDef, nodes: Nodes) -> None:
    """Replaces operations that are not allowed from producer 9 on, or that have a successor."""
    match Op.at(node.name, nodes):
        case Op("BatchNormWithGlobalNormalization", [x, *computed]) as norm:
            if (found := affine.batch_norm(norm)) is not None:
                affine.become_multiplication_and_addition(node, found, nodes)
            else:
                _rewrite_computed_batch_norm(node, x.source, [each.source for each in computed], nodes)
        case Op("Concat", [axis, *parts]):
            _rewrite_concat(node, axis.source, [part.source for part in parts])


def _rewrite_computed_batch_norm(node: NodeDef, x: str, statistics: list[str], nodes: Nodes) -> None:
    """x * scale + shift, for graphs whose eight-bit weights leave no constants."""
    name, (mean, variance, beta, gamma) = node.name, statistics

    def add(last: str, op: str, *inputs: str) -> str:
        return insert(nodes, frozen_graph.operation(f"{name}/{last}", op, *inputs))

    epsilon = np.float32(attribute(node, "variance_epsilon").f)
    scale = add(
        "Rsqrt", "Rsqrt", add("add", "Add", variance, insert(nodes, frozen_graph.constant(f"{name}/epsilon", epsilon)))
    )
    if attribute(node, "scale_after_normalization").b:
        scale = add("mul", "Mul", scale, gamma)
    shift = add("sub", "Sub", beta, add("mul", "Mul", mean, scale))
    affine.multiply_and_add(node, nodes, x, scale, shift)


def _rewrite_concat(node: NodeDef, axis: str, parts: list[str]) -> None:
    import tensorflow as tf

    controls = controls_of(node)
    node.op = "ConcatV2"
    node.input[:] = [*parts, axis, *controls]
    node.attr["Tidx"].type = tf.int32.as_datatype_enum
