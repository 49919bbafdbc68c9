"""Checks that in a batch no picture affects the scores of another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .frozen_graph import node_of
from .patterns import Known, Op
from .shapes import Misfit, Shape, all_known, infer_shapes
from .wiring import PRODUCTS, Wiring, inputs_of, kind_of, placeholder_sizes, port_of

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

# A prime that no other dimension in a graph is a multiple of: wherever it appears, it is the batch, alone or times the
# rows that each picture has become (its windows, or its places in a matrix product).
_MANY = 9973

# Operations that work alike on every dimension, so that the batch need not be the first.
_ALIKE = {
    "Add",
    "GatherV2",
    "Identity",
    "Mul",
    "Reshape",
    "Slice",
    "Split",
    "SplitV",
    "Squeeze",
    "StridedSlice",
    "Sub",
    "Transpose",
    "Unpack",
}

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


def what_mixes(many: GraphDef, entry: str, output: str, rows: bool) -> str | None:
    """Describes the first node that mixes pictures; None if there is none.

    `rows`: on the way, a picture may become several rows, or lie in another dimension than the first.
    """
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
        given = [shapes[source][port] for source, port in sources if (source, port) in varying]
        kept_apart = _are_apart(node, given, list(results.values()))
        in_floats = node.op.removeprefix("Quantized")
        if name == output or not rows:
            kept_apart = kept_apart and all(_batch(shape) == (0, _MANY) for shape in results.values())
        if in_floats in PRODUCTS:
            kept_apart = kept_apart and sources[1] not in varying
        elif kind_of(node) == "FusedBatchNorm":
            kept_apart = kept_apart and "is_training" in node.attr and not node.attr["is_training"].b
        if not kept_apart:
            return _words(wiring, node)
    return None


def _are_apart(node: NodeDef, given: Sequence[Shape], results: Sequence[Shape]) -> bool:
    """True if the shapes before and behind an operation show where each picture is, and that it stays whole."""
    batches = [_batch(shape) for shape in (*given, *results)]
    if None in batches:
        return False
    at = {batch[0] for batch in batches if batch is not None}
    if at != {0} and kind_of(node) not in _ALIKE:
        return False
    if node.op in ("Reshape", "QuantizedReshape"):
        before, behind = (_around(shape) for shape in (given[0], results[0]))
        return before is not None and before == behind
    return len({batch[1] for batch in batches if batch is not None}) == 1


def _batch(shape: Shape) -> tuple[int, int] | None:
    """The one dimension that the batch is in, and its size; None if there is no such, or more."""
    found = [(at, size) for at, size in enumerate(shape or ()) if size is not None and size and size % _MANY == 0]
    # A vector over all pictures' rows could be summed, or scaled as a whole.
    return found[0] if len(found) == 1 and (shape is None or len(shape) > 1 or found[0][1] == _MANY) else None


def _around(shape: Shape) -> tuple[int, int] | None:
    """How many pieces each picture is in, and the values of one, which lie together; None if not all is known."""
    sizes, batch = all_known(shape), _batch(shape)
    if sizes is None or batch is None:
        return None
    at, size = batch
    return math.prod(sizes[:at]), size // _MANY * math.prod(sizes[at + 1 :])


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
