"""Runs a backbone over pictures as fast as this machine can."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..graphs import frozen_graph, xnnpack

if TYPE_CHECKING:
    from .backbone import Backbone

# float32 [batch, S, S, 3] -> float32 [batch, values]
Run = Callable[[np.ndarray], np.ndarray]

# Large networks gain from larger batches up to about here.
LARGE_BATCH = 16


class Network:
    """A backbone that is ready to run, always on `batch` pictures at once: callers pad the last batch.

    Each thread needs its own `runner()`. A vector does not depend on the rest of its batch.
    """

    def __init__(self, backbone: Backbone, precision: str):
        size = backbone.input_size
        model = None
        if not backbone.large and precision != "bfloat16":
            model = xnnpack.convert(backbone.graph_def, "input", [backbone.bottleneck_name], size, size)
        if model is None:
            self.batch = LARGE_BATCH // backbone.views
            run = _run_with_tensorflow(backbone, precision)
            self.runner: Callable[[], Run] = lambda: run
        else:
            # XNNPACK runs small networks twice as fast as TensorFlow. It is fastest with one picture at a time and one
            # thread per core, because everything then stays in the processor's cache.
            self.batch = 1

            def open_runner() -> Run:
                run = xnnpack.runner(model)
                return lambda pixels: run(pixels)[0]

            self.runner = open_runner


def _run_with_tensorflow(backbone: Backbone, precision: str) -> Run:
    import tensorflow as tf
    from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig

    # A session, because it has its own configuration: for tf.function, the option would apply to the whole process.
    config = tf.compat.v1.ConfigProto()
    if precision == "bfloat16":
        config.graph_options.rewrite_options.auto_mixed_precision_onednn_bfloat16 = RewriterConfig.ON
    with tf.Graph().as_default() as graph:
        entry = tf.compat.v1.placeholder(tf.float32, [None, backbone.input_size, backbone.input_size, 3])
        exit_ = frozen_graph.function(backbone.graph_def, ["input"], backbone.bottleneck_name)(entry)
    session = tf.compat.v1.Session(graph=graph, config=config)
    return lambda pixels: session.run(exit_, {entry: pixels})
