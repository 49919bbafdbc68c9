"""Runs a backbone over pictures as fast as this machine can."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError
from ..graphs import frozen_graph, xnnpack
from .engine import GPU_BATCH, Engine, Room

if TYPE_CHECKING:
    from .backbone import Backbone

# float32 [batch, S, S, 3] -> float32 [batch, values]
Run = Callable[[np.ndarray], np.ndarray]

# On a processor, large networks gain from larger batches up to about here.
LARGE_BATCH = 16


class Network:
    """A backbone that is ready to run, always on `batch` pictures at once: callers pad the last batch.

    Each thread needs its own `runner()`. A vector does not depend on the rest of its batch.
    """

    def __init__(self, backbone: Backbone, engine: Engine):
        size = backbone.input_size
        model = None
        if engine.gpu is None and not backbone.large and engine.precision != "bfloat16":
            model = xnnpack.convert(backbone.graph_def, "input", [backbone.bottleneck_name], size, size)
        if model is None:
            self.batch = (LARGE_BATCH if engine.gpu is None else GPU_BATCH) // backbone.views
            run = _run_with_tensorflow(backbone, engine, self.batch)
            self.runner: Callable[[], Run] = lambda: run
        else:
            # XNNPACK runs small networks twice as fast as TensorFlow. It is fastest with one picture at a time and one
            # thread per core, because everything then stays in the processor's cache.
            self.batch = 1

            def open_runner() -> Run:
                run = xnnpack.runner(model)
                return lambda pixels: run(pixels)[0]

            self.runner = open_runner


def _run_with_tensorflow(backbone: Backbone, engine: Engine, batch: int) -> Run:
    import tensorflow as tf

    size, last = backbone.input_size, backbone.bottleneck_name
    with engine.graph() as graph:
        entry = tf.compat.v1.placeholder(tf.float32, [None, size, size, 3])
        exit_ = frozen_graph.function(engine.prepared(backbone.graph_def, last), ["input"], last)(entry)
    session = engine.session(graph)
    room = Room(engine, batch, "choose a smaller --architecture")
    # A GPU takes one batch at a time: more would only take more of its memory.
    turn = contextlib.nullcontext() if engine.gpu is None else threading.Lock()

    def run(pixels: np.ndarray) -> np.ndarray:
        def in_parts(most: int) -> np.ndarray:
            parts = [pixels[at : at + most] for at in range(0, len(pixels), most)]
            return np.concatenate([session.run(exit_, {entry: part}) for part in parts])

        with turn:
            vectors = room.fit(in_parts)
        if engine.precision == "float16" and not np.isfinite(vectors).all():
            raise UserError(f"{backbone.name} gives values too large for float16: give --precision=float32")
        return vectors

    return run
