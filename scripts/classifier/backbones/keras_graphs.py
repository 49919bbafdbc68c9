"""Turns a Keras network into a frozen graph."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.classifier import atomic_files, frozen_graph, graph_folding

if TYPE_CHECKING:
    import keras
    from tensorflow.core.framework.graph_pb2 import GraphDef

OUTPUT = "bottleneck"

# Our graphs take (pixel - 128) / 128, these networks pixel / 127.5 - 1.
_SCALE = 128 / 127.5
_SHIFT = 128 / 127.5 - 1


def kept_or_frozen(kept: Path, build: Callable[[], keras.Model]) -> GraphDef:
    """The network as a frozen graph, read from `kept` where an earlier run left it.

    Building and freezing take ten seconds. The checksum beside the file tells a damaged one.
    """
    check = kept.with_name(f"{kept.name}.sha256")
    if kept.exists() and check.exists():
        data = kept.read_bytes()
        if hashlib.sha256(data).hexdigest() == check.read_text().split()[0]:
            return frozen_graph.parse(data, str(kept))
    graph_def = freeze(build())
    if os.access(kept.parent, os.W_OK):
        data = graph_def.SerializeToString(deterministic=True)
        atomic_files.write_bytes(kept, data)
        atomic_files.write_text(check, f"{hashlib.sha256(data).hexdigest()}  {kept.name}\n")
    return graph_def


def freeze(model: keras.Model) -> GraphDef:
    """From the placeholder `input`, pixels as (pixel - 128) / 128, to OUTPUT, with batch norms folded away."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    shape = list(model.input_shape)
    traced = tf.function(lambda pixels: model(pixels * _SCALE + _SHIFT, training=False)).get_concrete_function(
        tf.TensorSpec(shape, tf.float32, name="input")
    )
    frozen = convert_variables_to_constants_v2(traced)
    graph_def = graph_folding.fold_constants(frozen.graph.as_graph_def(), frozen.outputs[0].op.name)
    last = graph_def.node[-1]
    assert last.op == "Identity", f"a traced function ends in an Identity, not {last.op}"
    last.name = OUTPUT
    graph_def = graph_folding.fold_scales_into_convolutions(graph_def)
    for node in graph_def.node:
        if node.op == "Placeholder":
            node.CopyFrom(frozen_graph.placeholder("input", shape))
    return frozen_graph.strip_to_tensorflow_1(graph_def)
