"""Lets a backbone look at each picture four times, and gives the mean of what it sees."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from ..graphs import frozen_graph, mirroring
from .backbone import Backbone

if TYPE_CHECKING:
    import tensorflow as tf

# How much of the width and of the height each of the two closer views keeps. A picture arrives squeezed, so that
# where its centre square was is not known; that much in both directions does as well (benchmarks/free_accuracy.py).
CLOSER = (0.8, 0.6)
COUNTS = (1, 2 + len(CLOSER))

_SCOPE = "views"


def of(backbone: Backbone) -> Backbone:
    """The picture whole, mirrored, and its middle twice, all through the network as one batch.

    The mean of the bottlenecks leads to the mean of the logits, whatever the final layer. It is also what is trained
    on: on each view's own bottleneck it becomes no more accurate.
    """
    import tensorflow as tf

    size, count = backbone.input_size, COUNTS[-1]
    with tf.Graph().as_default() as graph:
        pictures = tf.compat.v1.placeholder(tf.float32, [None, size, size, 3], name="input")
        with tf.name_scope(_SCOPE):
            closer = [_closer(pictures, kept) for kept in CLOSER]
            views = tf.concat([pictures, mirroring.mirrored(pictures), *closer], 0)
        (vectors,) = frozen_graph.continued(backbone.graph_def, views, backbone.bottleneck_name)
        with tf.name_scope(f"{_SCOPE}/"):
            apart = tf.reshape(vectors, [count, -1, backbone.bottleneck_size])
            mean = tf.reduce_mean(apart, 0, name="bottleneck")
    identity = f"{backbone.fingerprint}; whole, mirrored, middle {', '.join(map(str, CLOSER))}"
    return replace(
        backbone,
        graph_def=frozen_graph.strip_to_tensorflow_1(graph.as_graph_def()),
        bottleneck_name=mean.op.name,
        fingerprint=hashlib.sha256(identity.encode()).hexdigest(),
        views=count,
    )


def _closer(pictures: tf.Tensor, kept: float) -> tf.Tensor:
    import tensorflow as tf

    size = pictures.shape[1]
    side = round(kept * size)
    first = (size - side) // 2
    middle = tf.slice(pictures, [0, first, first, 0], [-1, side, side, 3])
    return tf.raw_ops.ResizeBilinear(images=middle, size=[size, size], align_corners=True)
