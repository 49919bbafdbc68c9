"""Joins a backbone and a trained final layer into one graph, the classifier."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..backbones.backbone import Backbone
from ..errors import UserError
from ..graphs import frozen_graph
from .final_layer import Dense, FinalLayer

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

# Scope of the final layer's nodes, except the last, which the user names.
_SCOPE = "final_training_ops/"
# The names in the original retrain's graphs: scripts written for those look for them.
WEIGHTS = f"{_SCOPE}weights/final_weights"
BIASES = f"{_SCOPE}biases/final_biases"
PRODUCT = f"{_SCOPE}Wx_plus_b/MatMul"
LOGITS = f"{_SCOPE}Wx_plus_b/add"
SCORES = "final_result"


def check_name(final_tensor_name: str) -> None:
    """Refuses names that the scores cannot have with any backbone."""
    if final_tensor_name.startswith(_SCOPE):
        raise _taken(final_tensor_name)
    if not re.fullmatch(r"[A-Za-z0-9.][A-Za-z0-9_./\\-]*", final_tensor_name):
        raise UserError(
            f"--final_tensor_name={final_tensor_name}: not a valid name for a node; use letters, digits and _ . / -"
        )


def check_name_is_free(backbone: Backbone, final_tensor_name: str) -> None:
    if any(node.name == final_tensor_name for node in backbone.graph_def.node):
        raise _taken(final_tensor_name)


def _taken(final_tensor_name: str) -> UserError:
    return UserError(f"--final_tensor_name={final_tensor_name}: another node has that name; choose a different one")


def join(backbone: Backbone, layer: FinalLayer, final_tensor_name: str) -> GraphDef:
    """A graph from `input`, (pixel - 128) / 128, to the softmax `final_tensor_name`, [batch, labels]."""
    import tensorflow as tf

    check_name(final_tensor_name)
    check_name_is_free(backbone, final_tensor_name)
    graph_def = tf.compat.v1.GraphDef()
    graph_def.CopyFrom(backbone.graph_def)
    values = backbone.bottleneck_name
    for number, hidden in enumerate(layer.hidden, 1):
        names = [f"{_SCOPE}hidden_{number}/{name}" for name in ("weights", "biases", "MatMul", "add", "Relu")]
        values = _add_dense(graph_def, hidden, values, names, "Relu")
    _add_dense(graph_def, layer, values, [WEIGHTS, BIASES, PRODUCT, LOGITS, final_tensor_name], "Softmax")
    return graph_def


def _add_dense(graph_def: GraphDef, layer: Dense | FinalLayer, values: str, names: list[str], activation: str) -> str:
    """Returns the name of the last node. `names` are for weights, biases, product, sum and activation."""
    weights, biases, product, total, activated = names
    graph_def.node.extend(
        [
            frozen_graph.constant(weights, layer.weights),
            frozen_graph.constant(biases, layer.biases),
            frozen_graph.operation(product, "MatMul", values, weights),
            frozen_graph.operation(total, "Add", product, biases),
            frozen_graph.operation(activated, activation, total),
        ]
    )
    return activated
