"""A classifier as a TensorFlow function from pixels of 0 to 255, for formats that store a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..graphs import frozen_graph
from ..photos.preprocessing import Preprocessing

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.core.framework.graph_pb2 import GraphDef

PICTURES, SCORES, BOTTLENECKS = "pictures", "scores", "bottlenecks"


def taken(take: Preprocessing) -> Preprocessing:
    """The preprocessing left to do for a file that prepares pixels itself."""
    return Preprocessing(take.input_height, take.input_width, 0.0, 1.0, fit=take.fit)


def spec(graph_def: GraphDef, take: Preprocessing) -> tf.TensorSpec:
    """The input PICTURES: any number at once, unless the graph was frozen for one."""
    import tensorflow as tf

    input_layer, _ = take.layers
    entry = next(node for node in graph_def.node if node.name == frozen_graph.node_of(input_layer))
    sizes = [dim.size for dim in entry.attr["shape"].shape.dim] if entry.op == "Placeholder" else []
    count = 1 if len(sizes) == 4 and sizes[0] == 1 else None
    return tf.TensorSpec([count, take.input_height, take.input_width, 3], tf.float32, name=PICTURES)


def function(
    graph_def: GraphDef, take: Preprocessing, bottleneck: str | None, weights: dict[str, tf.Variable] | None = None
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """A function from PICTURES to SCORES, and to BOTTLENECKS if there are any. `weights` replace nodes by name."""
    weights = weights or {}
    input_layer, output_layer = take.layers
    fetches = [output_layer, *([] if bottleneck is None else [bottleneck])]
    body = frozen_graph.function_of_several(graph_def, [input_layer, *weights], fetches)

    def run(pictures: tf.Tensor) -> dict[str, tf.Tensor]:
        prepared = (pictures - take.input_mean) * (1 / take.input_std)
        given = body(prepared, *(each.read_value() for each in weights.values()))
        return dict(zip((SCORES, BOTTLENECKS), given, strict=False))

    return run
