"""Joins a backbone and a trained final layer into the graph that users take away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scripts.classifier import frozen_graph
from scripts.classifier.backbones.backbone import Backbone
from scripts.classifier.errors import UserError
from scripts.classifier.final_layer import FinalLayer

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

# The original's names, which scripts written against its graphs look for.
WEIGHTS = "final_training_ops/weights/final_weights"
BIASES = "final_training_ops/biases/final_biases"
PRODUCT = "final_training_ops/Wx_plus_b/MatMul"
LOGITS = "final_training_ops/Wx_plus_b/add"


def check_name(backbone: Backbone, final_tensor_name: str) -> None:
    if final_tensor_name in {node.name for node in backbone.graph_def.node} | {WEIGHTS, BIASES, PRODUCT, LOGITS}:
        raise UserError(f"--final_tensor_name={final_tensor_name} is the name of another node: choose a different one")
    if not re.fullmatch(r"[A-Za-z0-9.][A-Za-z0-9_./\\-]*", final_tensor_name):
        raise UserError(
            f"--final_tensor_name={final_tensor_name} cannot be the name of a node: use letters, digits and _ . / -"
        )


def join(backbone: Backbone, layer: FinalLayer, final_tensor_name: str) -> GraphDef:
    """From `input`, pixels as (pixel - 128) / 128, to the softmax `final_tensor_name`, [batch, labels]."""
    import tensorflow as tf

    check_name(backbone, final_tensor_name)
    graph_def = tf.compat.v1.GraphDef()
    graph_def.CopyFrom(backbone.graph_def)
    graph_def.node.extend(
        [
            frozen_graph.constant(WEIGHTS, layer.weights),
            frozen_graph.constant(BIASES, layer.biases),
            frozen_graph.operation(PRODUCT, "MatMul", backbone.bottleneck_name, WEIGHTS),
            frozen_graph.operation(LOGITS, "Add", PRODUCT, BIASES),
            frozen_graph.operation(final_tensor_name, "Softmax", LOGITS),
        ]
    )
    return graph_def
