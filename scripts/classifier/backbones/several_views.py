"""Makes a backbone look at four views of each picture and average their bottlenecks."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from ..graphs import frozen_graph, mirroring
from .backbone import Backbone

if TYPE_CHECKING:
    import tensorflow as tf

# The share of width and height that each of the two closer views keeps. Pictures arrive as squares (see --fit), so
# nothing beside them can be seen; cropping both directions works as well (benchmarks/free_accuracy.py).
CLOSER = (0.8, 0.6)
COUNTS = (1, 2 + len(CLOSER))

_SCOPE = "views"


def of(backbone: Backbone) -> Backbone:
    """The whole picture, its mirror image and two crops of its middle go through the network as one batch.

    The mean of the bottlenecks gives the mean of the logits for any final layer. Training uses the mean as well:
    training on each view's bottleneck separately is no more accurate.
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
        graph_def=frozen_graph.strip_to_tensorflow_1(graph.as_graph_def(), kept=frozen_graph.AXES),
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
