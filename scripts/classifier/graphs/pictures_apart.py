"""Checks that in a batch no picture affects the scores of another."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .frozen_graph import node_of
from .patterns import Known, Op
from .shapes import Misfit, Shape, all_known, infer_shapes
from .wiring import PRODUCTS, Wiring, inputs_of, kind_of, placeholder_sizes, port_of

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

# A batch size that no other dimension in a graph has: wherever it appears, it is the batch.
_MANY = 9973

# Operations that only read shapes: their results are the same for every picture.
_OF_SHAPES_ONLY = ("Shape", "ShapeN", "Size", "Rank")
_EIGHT_BIT = {
    "QuantizeV2",
    "Requantize",
    "QuantizedConv2D",
    "QuantizedMatMul",
    "QuantizedBiasAdd",
    "QuantizedRelu",
    "QuantizedRelu6",
    "QuantizedMaxPool",
    "QuantizedAvgPool",
    "QuantizedReshape",
    "QuantizedConcat",
    "QuantizedAdd",
    "QuantizedMul",
    "QuantizedBatchNormWithGlobalNormalization",
}


def what_mixes(many: GraphDef, entry: str, output: str) -> str | None:
    """Describes the first node that mixes pictures; None if there is none."""
    wiring = Wiring(many)
    try:
        shapes = infer_shapes(many, entry, _MANY)
    except Misfit as error:
        culprit = wiring.nodes.get(error.node or "")
        return "its shapes do not fit" if culprit is None else _words(wiring, culprit)
    read = {(node_of(source), port_of(source)) for node in many.node for source in inputs_of(node)} | {(output, 0)}
    varying = {(entry, 0)}
    for name, became in shapes.items():
        node = wiring.nodes[name]
        sources = [(node_of(source), port_of(source)) for source in inputs_of(node)]
        if node.op in _OF_SHAPES_ONLY or varying.isdisjoint(sources):
            continue
        # A quantized operation's other outputs are its min and max, which come from ranges.
        ports = [0] if node.op in _EIGHT_BIT else range(len(became))
        results = {(name, port): became[port] for port in ports if (name, port) in read}
        varying.update(results)
        kept_apart = all(shape is not None and shape[:1] == (_MANY,) for shape in results.values())
        in_floats = node.op.removeprefix("Quantized")
        if in_floats == "Reshape":
            given = shapes[sources[0][0]][sources[0][1]]
            kept_apart = kept_apart and _values_a_picture(given) == _values_a_picture(became[0])
        elif in_floats in PRODUCTS:
            kept_apart = kept_apart and sources[1] not in varying
        elif kind_of(node) == "FusedBatchNorm":
            kept_apart = kept_apart and "is_training" in node.attr and not node.attr["is_training"].b
        if not kept_apart:
            return _words(wiring, node)
    return None


def _values_a_picture(shape: Shape) -> int | None:
    sizes = all_known(shape)
    return None if sizes is None else math.prod(sizes[1:])


def _words(wiring: Wiring, node: NodeDef) -> str:
    match Op.at(node.name, wiring.nodes):
        case Op("Reshape" | "QuantizedReshape", [_, Known(wanted), *_]):
            return f"its node {node.name} reshapes to {wanted.tolist()}"
    return f"its node {node.name} ({node.op}) is made for one picture"


def what_differs(many: GraphDef, entry: str, output: str) -> str | None:
    """Describes how a batch of two differs from each picture alone; None if it does not."""
    import tensorflow as tf

    nodes = {node.name: node for node in many.node}
    # A softmax may hide differences, so its input is compared as well.
    wanted = [f"{node_of(name)}:0" for name in (output, *nodes[output].input[:1])]
    sizes = placeholder_sizes(nodes[entry])
    if min(sizes[1:3]) <= 0:
        return "it does not state the size of its pictures"
    random = np.random.default_rng(0)
    pictures = random.uniform(-0.6, 0.6, (2, 1, 1, 3)) + random.uniform(-0.4, 0.4, (2, *sizes[1:]))
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True  # it takes longer than these few runs
    with tf.Graph().as_default(), tf.compat.v1.Session(config=config) as session:
        start, *ends = tf.graph_util.import_graph_def(many, name="", return_elements=[f"{entry}:0", *wanted])
        ends = [end for end in ends if end.dtype.is_floating]
        if start.dtype.is_integer:
            pictures = pictures * 127 + 128
        pictures = pictures.astype(start.dtype.as_numpy_dtype)
        try:
            together = session.run(ends, {start: pictures})
            alone = [session.run(ends, {start: pictures[at : at + 1]}) for at in range(2)]
        except (tf.errors.InvalidArgumentError, tf.errors.NotFoundError, tf.errors.UnimplementedError):
            return "it cannot run two pictures at once"
    for both, *each in zip(together, *alone, strict=True):
        if both.shape[0] != 2 or not np.allclose(both, np.concatenate(each), rtol=1e-3, atol=1e-3):
            return "two pictures at once get different scores than each alone"
    return None
