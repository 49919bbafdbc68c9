"""The built-in backbone: describes colours and textures by plain arithmetic. Nothing is learnt or downloaded."""

from __future__ import annotations

import hashlib

from ..graphs.frozen_graph import strip_to_tensorflow_1
from .backbone import Backbone
from .entry import Entry

NAME = "color_texture"
INPUT_SIZE = 128
BOTTLENECK_SIZE = 3510


def build() -> Backbone:
    import tensorflow as tf

    from . import color_texture_arithmetic

    with tf.Graph().as_default() as graph:
        pixels = tf.compat.v1.placeholder(tf.float32, [None, INPUT_SIZE, INPUT_SIZE, 3], name="input")
        with tf.name_scope(NAME):
            bottleneck = color_texture_arithmetic.bottleneck(pixels)
    graph_def = strip_to_tensorflow_1(graph.as_graph_def())
    return Backbone(
        name=NAME,
        input_size=INPUT_SIZE,
        graph_def=graph_def,
        bottleneck_name=bottleneck.op.name,
        bottleneck_size=BOTTLENECK_SIZE,
        fingerprint=hashlib.sha256(graph_def.SerializeToString(deterministic=True)).hexdigest(),
        learnt=False,
    )


FAMILY = (Entry(name=NAME, input_size=INPUT_SIZE, values=BOTTLENECK_SIZE, load=lambda model_dir, _: build()),)
