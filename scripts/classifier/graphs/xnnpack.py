"""Runs a graph on XNNPACK, a part of LiteRT that runs small networks twice as fast as TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import folding, frozen_graph, litert, mirroring

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef


def convert(graph_def: GraphDef, input_layer: str, outputs: Sequence[str], height: int, width: int) -> bytes | None:
    """The graph as a model for `runner`, which takes one picture at a time; None if only TensorFlow can run it.

    All outputs after the first lie on the way to it.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert_phase import ConverterError

    last, *before = map(frozen_graph.node_of, outputs)
    kept = [last, *(folding.handed_on(graph_def, name) for name in before)]
    folded = mirroring.reversed_where_mirrored(folding.fold_constants(graph_def, last))
    body = frozen_graph.function_of_several(folded, [input_layer], kept)
    traced = tf.function(body).get_concrete_function(tf.TensorSpec([1, height, width, 3], tf.float32))
    try:
        return tf.lite.TFLiteConverter.from_concrete_functions([traced]).convert()
    except ConverterError:
        return None


def runner(model: bytes) -> litert.Run:
    """Runs a model in the calling thread only. It returns the outputs that the model was converted with."""
    interpreter = litert.open_interpreter(model)
    return litert.runner(interpreter, [each["index"] for each in interpreter.get_output_details()])
