"""Splits a trained network into a backbone and a final layer, like those of retrain."""

from __future__ import annotations

import hashlib

import keras
import numpy as np
import tensorflow as tf

from ...backbones import keras_graphs
from ...backbones.backbone import MEAN, STD, Backbone
from ...backbones.frozen_backbones import Prelude
from ...graphs import frozen_graph
from ...photos.pixels import normalise
from ..examples import Examples
from ..final_layer import FinalLayer
from . import architectures
from .pictures import CnnExamples, Pictures
from .recipes import CnnRecipe

# Pictures that go through the network at once.
_BATCH = 64


def split(weights: list[np.ndarray], label_count: int, recipe: CnnRecipe) -> tuple[Backbone, FinalLayer]:
    """The last layer as the final layer, the others as the backbone, in float32 even if training used bfloat16."""
    model = architectures.build(recipe, label_count, "float32")
    model.set_weights(weights)
    bottleneck = model.get_layer(architectures.BOTTLENECK).output
    graph_def = keras_graphs.freeze(keras.Model(model.input, bottleneck), Prelude.of(0.0, 1.0))
    backbone = Backbone(
        name=f"cnn_{recipe.network}",
        input_size=recipe.image_size,
        graph_def=graph_def,
        bottleneck_name=keras_graphs.OUTPUT,
        bottleneck_size=bottleneck.shape[-1],
        fingerprint=hashlib.sha256(graph_def.SerializeToString(deterministic=True)).hexdigest(),
        fit=recipe.fit,
    )
    return backbone, FinalLayer(*model.get_layer(architectures.LOGITS).get_weights())


def bottlenecks(backbone: Backbone, examples: CnnExamples) -> Examples:
    return Examples(ComputedVectors(backbone, examples.pictures, examples.rows), examples.labels, examples.paths)


class ComputedVectors:
    """The bottlenecks of pictures, computed on demand."""

    def __init__(self, backbone: Backbone, pictures: Pictures, rows: np.ndarray):
        self._pictures, self._rows, self.size = pictures, rows, backbone.bottleneck_size
        body = frozen_graph.function(backbone.graph_def, ["input"], backbone.bottleneck_name)
        shape = [None, backbone.input_size, backbone.input_size, 3]
        self._run = tf.function(body, input_signature=[tf.TensorSpec(shape, tf.float32)], autograph=False)

    def __len__(self) -> int:
        return len(self._rows)

    def at(self, positions: np.ndarray) -> ComputedVectors:
        part = object.__new__(ComputedVectors)
        part.__dict__ = {**self.__dict__, "_rows": self._rows[positions]}
        return part

    def take(self, positions: np.ndarray) -> np.ndarray:
        """float32 [len(positions), size]"""
        out = np.empty((len(positions), self.size), np.float32)
        for at in range(0, len(positions), _BATCH):
            pixels = self._pictures.take(self._rows[positions[at : at + _BATCH]])
            out[at : at + _BATCH] = self._run(normalise(pixels, MEAN, STD)).numpy()
        return out
