"""Rounds a graph's weights to 8 bits, or stores them in 8 bits."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError, in_short
from . import frozen_graph
from .frozen_graph import constant, node_of, operation
from .wiring import Nodes, Wiring, attribute, in_order, inputs_of, insert

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

ROUNDED, STORED = "weights_rounded", "weights"

# The default of quantize_weights in TensorFlow 1's Graph Transform Tool. It spares the first layers of a MobileNet,
# a sixteenth of the values in mobilenet_0.25_224, whose channels have few weights and differ widely.
SMALLEST = 1024

# If a tenth of a tensor's channels span less than this share of its range, they get at most 32 of the 256 levels.
# No MobileNet has weights this uneven, but many do once batch norms are multiplied into them.
_NARROW = 1 / 8
# Channels narrower than 2 ** -8 of the widest are dead: weights around 1e-12 with an equally small batch norm.
_NARROWEST = 2.0**-8
# Beyond this, float32 cannot hold both ends of the range.
_LARGEST = 1e37

# The axes of an op's second input, its weights, that its output channels correspond to.
_CHANNEL_AXES = {"Conv2D": (3,), "DepthwiseConv2dNative": (2, 3), "MatMul": (1,)}


@dataclass(frozen=True)
class Quantized:
    graph_def: GraphDef
    tensors: int  # the number of tensors changed
    by_channel: bool  # each channel has its own levels
    share: float  # the share of all floats that are in these tensors
    largest_error: float
    where: str | None  # the tensor with the largest error


@dataclass(frozen=True)
class _Weights:
    """A tensor as a matrix with one column per channel, or a single column if channels are not known."""

    matrix: np.ndarray
    shape: tuple[int, ...]  # of the tensor, with the channel axes moved to the end
    axes: tuple[int, ...]  # the channel axes in the graph

    @property
    def widths(self) -> np.ndarray:
        """The range of each column, zero included."""
        return np.maximum(self.matrix.max(axis=0), 0) - np.minimum(self.matrix.min(axis=0), 0)

    def tensor(self, matrix: np.ndarray) -> np.ndarray:
        return self._as_in_the_graph(matrix.reshape(self.shape))

    def beside_tensor(self, row: np.ndarray) -> np.ndarray:
        """One number per column, or one for all, shaped to broadcast to the tensor."""
        if row.size == 1:
            return row.reshape([1] * len(self.shape))
        others = len(self.shape) - len(self.axes)
        return self._as_in_the_graph(row.reshape([1] * others + list(self.shape[others:])))

    def _as_in_the_graph(self, moved: np.ndarray) -> np.ndarray:
        return np.moveaxis(moved, range(moved.ndim - len(self.axes), moved.ndim), self.axes)


def quantize(graph_def: GraphDef, outputs: Sequence[str], mode: str, bits: int = 8) -> Quantized:
    """The nodes that lead to `outputs`, with each large float tensor reduced to 2 ** bits levels.

    ROUNDED keeps them as floats. STORED stores the levels; a node with the tensor's name turns them into floats.
    """
    kept = _leading_to(graph_def, outputs)
    wiring = Wiring(kept)
    floats = {node.name: values for node in kept.node if (values := _floats(node)) is not None}
    found = {name: _as_matrix(values, wiring, name) for name, values in floats.items() if _is_weights(values)}
    by_channel = any(np.quantile(each.widths, 0.1) < _NARROW * each.widths.max() for each in found.values())
    nodes, errors = dict(wiring.nodes), {}
    for name, weights in found.items():
        steps, zero = _finest_steps(weights.matrix, 2**bits - 1, by_channel, halved=mode == ROUNDED)
        levels = _round_evenly(weights.matrix / steps)
        errors[name] = float(np.abs(levels * steps - weights.matrix).max())
        if mode == ROUNDED:
            nodes[name] = constant(name, weights.tensor(levels * steps).astype(np.float32))
        else:
            _store(nodes, name, weights.tensor(levels + zero), weights.beside_tensor(steps), zero)
    where = max(errors, key=lambda name: errors[name], default=None)
    share = sum(floats[name].size for name in found) / max(1, sum(each.size for each in floats.values()))
    return Quantized(
        _with_nodes(kept, in_order(nodes)), len(found), by_channel, share, max(errors.values(), default=0.0), where
    )


def _leading_to(graph_def: GraphDef, outputs: Sequence[str]) -> GraphDef:
    names = {node.name for node in graph_def.node}
    for name in outputs:
        if name not in names:
            nearest = ", ".join(difflib.get_close_matches(name, names, n=3, cutoff=0))
            raise UserError(f"the graph has no node {name}: set --output_node_names (similar names: {nearest})")
    try:
        needed = frozen_graph.leading_to(graph_def.node, *outputs)
    except KeyError as error:
        raise UserError(
            f"the graph is cut short: it lacks the node {error.args[0]}, which others read; download or create it again"
        ) from None
    return _with_nodes(graph_def, (node for node in graph_def.node if node.name in needed))


def _with_nodes(graph_def: GraphDef, nodes: Iterable[NodeDef]) -> GraphDef:
    result = type(graph_def)(node=nodes, versions=graph_def.versions)
    if graph_def.HasField("library"):
        result.library.CopyFrom(graph_def.library)
    return result


def _floats(node: NodeDef) -> np.ndarray | None:
    """The values of a float32 constant."""
    import tensorflow as tf

    if node.op != "Const" or node.attr["dtype"].type != tf.float32.as_datatype_enum:
        return None
    try:
        return tf.make_ndarray(node.attr["value"].tensor)
    except ValueError as error:
        raise UserError(f"the graph's constant {node.name} is damaged: {in_short(error)}") from None


def _is_weights(values: np.ndarray) -> bool:
    """False for vectors of batch norms and biases, however long: their values differ by orders of magnitude."""
    several = sum(size > 1 for size in values.shape) > 1
    return several and values.size >= SMALLEST and bool(0 < np.abs(values).max() < _LARGEST)


def _as_matrix(values: np.ndarray, wiring: Wiring, name: str) -> _Weights:
    uses = set(_uses(wiring, name))
    axes = uses.pop() if len(uses) == 1 else ()
    if max(axes, default=0) >= values.ndim:
        axes = ()
    columns = np.moveaxis(values, axes, range(values.ndim - len(axes), values.ndim))
    count = int(np.prod([values.shape[axis] for axis in axes], dtype=int))
    return _Weights(columns.reshape(-1, count), columns.shape, axes)


def _uses(wiring: Wiring, name: str) -> Iterator[tuple[int, ...]]:
    """The channel axes for each reader; none if the reader's use of them is not known."""
    for node in wiring.readers.get(name, []):
        place = [node_of(source) for source in inputs_of(node)].index(name)
        if node.op == "Identity":
            yield from _uses(wiring, node.name)
        elif node.op == "MatMul" and attribute(node, "transpose_b").b and place == 1:
            yield (0,)
        else:
            yield _CHANNEL_AXES.get(node.op, ()) if place == 1 else ()


def _finest_steps(matrix: np.ndarray, most: int, by_channel: bool, halved: bool) -> tuple[np.ndarray, int]:
    """The step from one level to the next, for all columns or each, and the number of levels below zero.

    Zero is always a level. `halved` limits steps to the largest divided by a power of two: fewer distinct floats
    compress better.
    """
    lows, highs = np.minimum(matrix.min(axis=0), 0), np.maximum(matrix.max(axis=0), 0)
    if not by_channel:
        lows, highs = lows.min(keepdims=True), highs.max(keepdims=True)
    below = np.arange(most + 1.0)[:, None]
    steps = np.maximum(_quotient(-lows, below), _quotient(highs, most - below))  # [most + 1, columns]
    possible = np.isfinite(steps).all(axis=1)
    below, steps = below[possible], steps[possible]
    largest = steps.max(axis=1, keepdims=True)
    shares = np.maximum(steps / largest, _NARROWEST)
    steps = largest * (2 ** np.ceil(np.log2(shares)) if halved else shares)
    best = int((steps**2).sum(axis=1).argmin())
    return steps[best], int(below[best, 0])


def _quotient(dividends: np.ndarray, divisors: np.ndarray) -> np.ndarray:
    """Divides, with 0 / 0 = 0."""
    shape = np.broadcast_shapes(dividends.shape, divisors.shape)
    far = np.where(np.broadcast_to(dividends, shape) > 0, np.inf, 0.0)
    return np.divide(dividends, divisors, out=far, where=np.broadcast_to(divisors, shape) > 0)


def _round_evenly(exact: np.ndarray) -> np.ndarray:
    """Rounds to whole numbers while keeping every column's sum to within a half.

    Rounding each value on its own lets the errors add up. Since a layer's inputs are mostly positive, its output
    would be off by that sum times the mean input. So the values closest to the other side are rounded that way until
    the sum fits.
    """
    levels = np.rint(exact)
    missing = exact - levels
    short = np.rint(missing.sum(axis=0)).astype(int)
    for column in np.flatnonzero(short):
        way = np.sign(short[column])
        nearest = np.argsort(-way * missing[:, column], kind="stable")[: abs(short[column])]
        levels[nearest, column] += way
    return levels


def _store(nodes: Nodes, name: str, levels: np.ndarray, steps: np.ndarray, zero: int) -> None:
    """Stores a tensor as TensorFlow 1 did.

    Dequantize in mode MIN_FIRST computes lowest + level * (highest - lowest) / 255. It has one range per tensor, so its
    result is multiplied by each channel's share of the largest step.
    """
    import tensorflow as tf

    step = steps.max()
    stored = constant(f"{name}/levels", levels.astype(np.uint8))
    stored.attr["dtype"].type = stored.attr["value"].tensor.dtype = tf.quint8.as_datatype_enum
    lowest = constant(f"{name}/lowest", np.float32(-zero * step))
    highest = constant(f"{name}/highest", np.float32((255 - zero) * step))
    floats = operation(name, "Dequantize", *(insert(nodes, node) for node in (stored, lowest, highest)))
    floats.attr["T"].type = tf.quint8.as_datatype_enum
    floats.attr["mode"].s = b"MIN_FIRST"
    if steps.size > 1:
        floats.name = f"{name}/in_largest_steps"
        shares = constant(f"{name}/shares", (steps / step).astype(np.float32))
        floats = operation(name, "Mul", insert(nodes, floats), insert(nodes, shares))
    nodes[name] = floats
