"""Freezes functions of pictures, such as Keras models and signatures of SavedModels, into graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import UserError, in_short
from . import frozen_graph, inlining, old_ops, simplification
from .shapes import Misfit

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef


def of_function(run: Callable, height: int, width: int) -> tuple[GraphDef, str, list[str]]:
    """A graph with constants for variables, the node that takes a picture, and those that give what `run` returns.

    `run` takes pictures, float32 [1, height, width, 3]: with one picture, all shapes are numbers.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    traced = tf.function(run, autograph=False).get_concrete_function(
        tf.TensorSpec([1, height, width, 3], tf.float32, name="pictures")
    )
    frozen = convert_variables_to_constants_v2(traced)
    return frozen.graph.as_graph_def(), frozen.inputs[0].op.name, [each.op.name for each in frozen.outputs]


def simplified(graph_def: GraphDef, entry: str, output: str, size: tuple[int, int], origin: object) -> GraphDef:
    """The part that leads to the output, with functions inlined, for a single picture of this height and width."""
    try:
        single = inlining.inline(graph_def)
        for node in single.node:
            if node.name == entry:
                node.CopyFrom(frozen_graph.placeholder(node.name, [1, *size, 3]))
        single = frozen_graph.subgraph(single, output)
        old_ops.refuse_what_cannot_run(single, str(origin))
        return simplification.simplify(single, output)
    except (ValueError, KeyError, Misfit) as error:
        raise UserError(f"{origin} is not a graph that TensorFlow can run: {in_short(error)}") from None
