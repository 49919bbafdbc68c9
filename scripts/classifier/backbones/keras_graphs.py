"""Turns a Keras network into a frozen graph."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ..errors import UserError
from ..graphs import freezing
from . import frozen_backbones
from .frozen_backbones import Frozen, Prelude

if TYPE_CHECKING:
    import keras
    import tensorflow as tf
    from tensorflow.core.framework.graph_pb2 import GraphDef

OUTPUT = frozen_backbones.OUTPUT

# Inception and the MobileNets take pixels from -1 to 1.
FROM_MINUS_ONE = Prelude.of(127.5, 127.5)


def freeze(
    model: keras.Model,
    prelude: Prelude = FROM_MINUS_ONE,
    size: int | None = None,
    layer: str | None = None,
    origin: object = "the network",
    pool: Callable[[tf.Tensor], tf.Tensor] | None = None,
) -> GraphDef:
    """A graph from the placeholder `input`, (pixel - 128) / 128, to OUTPUT, with batch norms folded away.

    `size` is for models that take any size. OUTPUT is the model's output, or that of `layer`, behind `pool` if that is
    given.
    """
    return frozen_backbones.convert(traced(model, prelude, size, layer, origin, pool), origin)


def traced(
    model: keras.Model,
    prelude: Prelude,
    size: int | None = None,
    layer: str | None = None,
    origin: object = "",
    pool: Callable[[tf.Tensor], tf.Tensor] | None = None,
) -> Frozen:
    """The same before it is converted."""
    size = model.input_shape[1] if size is None else size
    watched = None if layer is None else find_layer(model, layer, origin)

    def run(pictures: tf.Tensor) -> tf.Tensor:
        if watched is None:
            output = model(pictures, training=False)
        else:
            with _output_of(watched) as outputs:
                model(pictures, training=False)
            output = outputs[-1]
        return output if pool is None else pool(output)

    graph_def, entry, (output,) = freezing.of_function(run, size, size)
    return Frozen(graph_def, entry, output, prelude, size)


def layer_names(model: keras.Model) -> set[str]:
    """Those of models inside the model, too."""
    return {layer.name for layer in _layers(model)}


def find_layer(model: keras.Model, name: str, origin: object) -> keras.Layer:
    """Also looks in models inside the model."""
    layers = {layer.name: layer for layer in _layers(model)}
    if name not in layers:
        nearest = ", ".join(difflib.get_close_matches(name, layers, n=3, cutoff=0))
        raise UserError(f"--bottleneck_layer={name}: {origin} has no such layer; the nearest are {nearest}")
    return layers[name]


def _layers(model: keras.Model) -> Iterator[keras.Layer]:
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _layers(layer)


@contextlib.contextmanager
def _output_of(layer: keras.Layer) -> Iterator[list[tf.Tensor]]:
    """Collects the layer's output at every call, however deep in a model it is."""
    outputs: list[tf.Tensor] = []
    call = layer.call

    def call_and_keep(*args: object, **kwargs: object) -> tf.Tensor:
        outputs.append(call(*args, **kwargs))
        return outputs[-1]

    layer.call = call_and_keep
    try:
        yield outputs
    finally:
        del layer.call
