"""Runs a backbone over pictures, as fast as this machine does."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError
from ..graphs import folding, frozen_graph, litert, mirroring

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

    from .backbone import Backbone

PRECISIONS = ("auto", "float32", "bfloat16")

# float32 [batch, S, S, 3] -> float32 [batch, values]
Run = Callable[[np.ndarray], np.ndarray]

# Large networks gain from batches up to about here and not beyond.
LARGE_BATCH = 16


def cores() -> int:
    """The processors this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def decide_precision(wanted: str, backbone: Backbone) -> str:
    """`auto` means bfloat16 for large networks where the processor computes with it."""
    if wanted == "auto":
        return "bfloat16" if backbone.large and has_bfloat16() else "float32"
    return _check(wanted)


def decide_training_precision(wanted: str) -> str:
    """`auto` means bfloat16 wherever the processor computes with it: training takes most of a run's time."""
    if wanted == "auto":
        return "bfloat16" if has_bfloat16() else "float32"
    return _check(wanted)


def _check(wanted: str) -> str:
    if wanted == "bfloat16" and not has_bfloat16():
        raise UserError("--precision=bfloat16: this processor has no bfloat16 arithmetic; use auto or float32")
    return wanted


def has_bfloat16() -> bool:
    """Whether the processor has instructions for it; emulated it is slower than float32."""
    cpuinfo = Path("/proc/cpuinfo")
    if platform.machine() not in ("x86_64", "AMD64") or not cpuinfo.exists():
        return False
    words = cpuinfo.read_text().split()
    return "avx512_bf16" in words or "amx_bf16" in words


class Network:
    """A backbone ready to run. `batch` pictures at a time, always: the last batch is filled up.

    Each thread asks for its own `runner()`. A vector does not depend on what else is in its batch.
    """

    def __init__(self, backbone: Backbone, precision: str):
        size = backbone.input_size
        model = None
        if not backbone.large and precision != "bfloat16":
            model = convert_for_xnnpack(backbone.graph_def, "input", [backbone.bottleneck_name], size, size)
        if model is None:
            self.batch = LARGE_BATCH // backbone.views
            run = _run_with_tensorflow(backbone, precision)
            self.runner: Callable[[], Run] = lambda: run
        else:
            # XNNPACK runs small networks twice as fast as TensorFlow, and fastest one picture at a time,
            # all of it staying in the processor's cache, one thread a core.
            self.batch = 1

            def open_runner() -> Run:
                run = xnnpack_runner(model)
                return lambda pixels: run(pixels)[0]

            self.runner = open_runner


def _run_with_tensorflow(backbone: Backbone, precision: str) -> Run:
    import tensorflow as tf
    from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig

    # A session because it has a configuration of its own: the same option for functions is the whole process's.
    config = tf.compat.v1.ConfigProto()
    if precision == "bfloat16":
        config.graph_options.rewrite_options.auto_mixed_precision_onednn_bfloat16 = RewriterConfig.ON
    with tf.Graph().as_default() as graph:
        entry = tf.compat.v1.placeholder(tf.float32, [None, backbone.input_size, backbone.input_size, 3])
        exit_ = frozen_graph.function(backbone.graph_def, ["input"], backbone.bottleneck_name)(entry)
    session = tf.compat.v1.Session(graph=graph, config=config)
    return lambda pixels: session.run(exit_, {entry: pixels})


def convert_for_xnnpack(
    graph_def: GraphDef, input_layer: str, outputs: Sequence[str], height: int, width: int
) -> bytes | None:
    """The graph as a model that `xnnpack_runner` runs, one picture at a time; None where only TensorFlow can run it.

    All outputs after the first are on the way there.
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


def xnnpack_runner(model: bytes) -> litert.Run:
    """For the thread that asks for it alone; gives the outputs that the model was converted with."""
    interpreter = litert.open_interpreter(model)
    return litert.runner(interpreter, [each["index"] for each in interpreter.get_output_details()])
