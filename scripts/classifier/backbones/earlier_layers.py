"""Extends a backbone's bottleneck with the means of two of its earlier layers."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

from ..errors import UserError
from ..graphs import frozen_graph
from ..graphs.wiring import Wiring, in_order
from .backbone import Backbone

_COUNT = 2

# Each layer's values are scaled as if it had this many channels. Otherwise wide layers, whose values add up, would make
# training at the default learning rate oscillate. For MobileNets of width 0.25 this changes little; at twice this
# number, accuracy falls by up to a percentage point.
_CHANNELS = 64

_SCOPE = "earlier_layers"


def of(backbone: Backbone) -> Backbone:
    import tensorflow as tf

    size = backbone.input_size
    with tf.Graph().as_default() as graph:
        pictures = tf.compat.v1.placeholder(tf.float32, [None, size, size, 3], name="input")
        (vectors,) = frozen_graph.continued(backbone.graph_def, pictures, backbone.bottleneck_name)
        layers = _before_shrinking(graph, backbone)
        parts = [vectors, *(_means(layer) for layer in layers)]
        with tf.name_scope(f"{_SCOPE}/"):
            together = tf.concat(parts, 1, name="bottleneck")
    identity = f"{backbone.fingerprint}; with {', '.join(layer.op.name for layer in layers)} as {_CHANNELS} channels"
    return replace(
        backbone,
        graph_def=frozen_graph.strip_to_tensorflow_1(graph.as_graph_def()),
        bottleneck_name=together.op.name,
        bottleneck_size=together.shape[1],
        fingerprint=hashlib.sha256(identity.encode()).hexdigest(),
    )


def _means(layer):
    import tensorflow as tf

    with tf.name_scope(f"{_SCOPE}/"):
        return tf.reduce_mean(layer, [1, 2]) * math.sqrt(_CHANNELS / layer.shape[3])


def _before_shrinking(graph, backbone: Backbone) -> list:
    """The last layer at each of the two resolutions before the final one, in the network's order.

    A layer counts only if everything after it is computed from it alone, which excludes layers inside branches.
    """
    last: dict[int, object] = {}  # by the height of the layer
    smallest = backbone.input_size
    for name in _waists(backbone):
        tensor = graph.get_tensor_by_name(f"{name}:0")
        if tensor.shape.rank == 4 and 1 < (tensor.shape[1] or 0) <= smallest:
            smallest = tensor.shape[1]
            last[smallest] = tensor
    earlier = [tensor for height, tensor in last.items() if height not in (backbone.input_size, smallest)]
    if len(earlier) < _COUNT:
        raise UserError(
            f"--bottleneck=multi needs {_COUNT} earlier layers of different sizes, and "
            f"{backbone.name} has {len(earlier) or 'none'}: leave it out, or choose another --architecture"
        )
    return earlier[-_COUNT:]


def _waists(backbone: Backbone) -> list[str]:
    """The nodes that every path from `input` to the bottleneck passes through."""
    graph_def = frozen_graph.subgraph(backbone.graph_def, backbone.bottleneck_name)
    wiring = Wiring(graph_def)
    reached = wiring.behind("input")
    order = [node for node in in_order(wiring.nodes) if node.name in reached]
    place = {node.name: at for at, node in enumerate(order)}
    # `furthest` is the last reader of anything so far: paths that lead there bypass the nodes in between.
    waists, furthest = [], 0
    for at, node in enumerate(order):
        if furthest <= at:
            waists.append(node.name)
        furthest = max([furthest, *(place[reader.name] for reader in wiring.readers.get(node.name, []))])
    return waists
