"""Counts a frozen graph's ops and parameters, and what one picture costs."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import UserError, in_short

if TYPE_CHECKING:
    from tensorflow import Operation
    from tensorflow.core.framework.graph_pb2 import GraphDef

# Nodes that pass values on: a weight that goes through them counts for the op that uses it.
_HAND_ON = {"Identity", "Dequantize", "Cast", "Reshape", "Squeeze", "ExpandDims", "Transpose", "Enter"}

# Types of weights. Integers of 32 bits or more are shapes, axes and paddings.
_TYPES_OF_WEIGHTS = {
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "int8",
    "uint8",
    "qint8",
    "quint8",
    "qint16",
    "quint16",
    "qint32",
}

# Ops that may do many multiplications, but have no entry in _COUNTS: their cost is unknown.
_UNCOUNTED = re.compile(r"Conv(?!ert)|MatMul|Einsum|LSTM|GRU|RNN|FFT|^NextIteration$")


@dataclass(frozen=True)
class Kind:
    """The ops of one kind in a graph."""

    name: str
    ops: int
    parameters: int
    multiply_adds: int  # of the ops whose cost is known
    unknown: tuple[str, ...]  # names of the ops whose cost is not


@dataclass(frozen=True)
class Statistics:
    kinds: tuple[Kind, ...]  # first those of unknown cost, then the most expensive
    inputs: dict[str, tuple[int | None, ...] | None]  # the shape used for each placeholder

    @property
    def ops(self) -> int:
        return sum(kind.ops for kind in self.kinds)

    @property
    def parameters(self) -> int:
        return sum(kind.parameters for kind in self.kinds)

    @property
    def multiply_adds(self) -> int:
        return sum(kind.multiply_adds for kind in self.kinds)

    @property
    def unknown(self) -> tuple[str, ...]:
        return tuple(name for kind in self.kinds for name in kind.unknown)

    @property
    def pictures(self) -> int:
        """The graph's batch size if it is fixed, otherwise 1."""
        batches = [shape[0] for shape in self.inputs.values() if shape is not None and len(shape) == 4]
        return max((size for size in batches if size is not None), default=1)


def measure(graph_def: GraphDef, origin: object) -> Statistics:
    """Counts ops, parameters and multiply-adds.

    Parameters are the values of constants with one dimension or more, floating-point or quantized. Each counts once,
    for the op that uses it. Multiply-adds are those of convolutions, matrix products and averages.
    """
    operations = _import(_for_one_picture(graph_def), origin)
    parameters = _parameters(operations)
    counts = Counter(operation.type for operation in operations)
    multiply_adds: Counter[str] = Counter()
    unknown: dict[str, list[str]] = {}
    functions = {function.signature.name for function in graph_def.library.function}
    for operation in operations:
        known = None if operation.type in functions else _multiply_adds(operation)
        if known is None:
            unknown.setdefault(operation.type, []).append(operation.name)
        else:
            multiply_adds[operation.type] += known
    kinds = [
        Kind(name, count, parameters[name], multiply_adds[name], tuple(unknown.get(name, ())))
        for name, count in counts.items()
    ]
    kinds.sort(key=lambda kind: (not kind.unknown, -kind.multiply_adds, -kind.parameters, -kind.ops, kind.name))
    inputs = {
        operation.name: None if operation.outputs[0].shape.rank is None else tuple(operation.outputs[0].shape)
        for operation in operations
        if operation.type == "Placeholder"
    }
    return Statistics(tuple(kinds), inputs)


def _for_one_picture(graph_def: GraphDef) -> GraphDef:
    """A copy with a batch size of 1 wherever any size is allowed."""
    fixed = type(graph_def)()
    fixed.CopyFrom(graph_def)  # importing writes default attributes into what it is given
    for node in fixed.node:
        if node.op in ("Placeholder", "PlaceholderWithDefault"):
            sizes = node.attr["shape"].shape.dim
            if sizes and sizes[0].size < 0:
                sizes[0].size = 1
    return fixed


def _import(graph_def: GraphDef, origin: object) -> list[Operation]:
    """TensorFlow infers shapes as it imports."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        try:
            tf.graph_util.import_graph_def(graph_def, name="")
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise UserError(
                f"{origin} is not a graph that TensorFlow {tf.__version__} can import: {in_short(error)}"
            ) from None
        return graph.get_operations()


def _parameters(operations: list[Operation]) -> Counter[str]:
    """The number of parameters of each kind of op."""
    takers: dict[str, Operation] = {}
    for operation in operations:
        for tensor in operation.inputs:
            takers.setdefault(tensor.op.name, operation)
    parameters: Counter[str] = Counter()
    for operation in operations:
        if operation.type == "Const":
            value = operation.outputs[0]
            if value.shape.rank and value.dtype.name in _TYPES_OF_WEIGHTS:
                parameters[_taker(operation, takers).type] += value.shape.num_elements()
    return parameters


def _taker(operation: Operation, takers: dict[str, Operation]) -> Operation:
    taker = takers.get(operation.name, operation)
    while taker.type in _HAND_ON and taker.name in takers:
        taker = takers[taker.name]
    return taker


def _multiply_adds(operation: Operation) -> int | None:
    """The multiply-adds of an op; None if unknown."""
    if operation.type in _COUNTS:
        return _COUNTS[operation.type](operation)
    calls_functions = any(attr.type in ("func", "list(func)") for attr in operation.op_def.attr)
    return None if calls_functions or _UNCOUNTED.search(operation.type) else 0


def _convolution(operation: Operation) -> int | None:
    """Each output value sums a kernel's height x width x channels (of its group)."""
    return _times(operation.outputs[0].shape.num_elements(), operation.inputs[1].shape, slice(None, -1))


def _depthwise_convolution(operation: Operation) -> int | None:
    return _times(operation.outputs[0].shape.num_elements(), operation.inputs[1].shape, slice(0, 2))


def _transposed_convolution(operation: Operation) -> int | None:
    """Each input value is spread over a kernel."""
    return _times(operation.inputs[2].shape.num_elements(), operation.inputs[1].shape, slice(None, -1))


def _matrix_product(operation: Operation) -> int | None:
    turned = any(operation.get_attr(name) for name in ("transpose_a", "adj_x") if name in operation.node_def.attr)
    summed = slice(-2, -1) if turned else slice(-1, None)
    return _times(operation.outputs[0].shape.num_elements(), operation.inputs[0].shape, summed)


def _average_pool(operation: Operation) -> int | None:
    values = operation.outputs[0].shape.num_elements()
    return None if values is None else values * math.prod(operation.get_attr("ksize"))


def _mean(operation: Operation) -> int | None:
    return operation.inputs[0].shape.num_elements()


def _times(values: int | None, shape, dimensions: slice) -> int | None:
    if values is None or shape.rank is None or None in (sizes := shape.as_list()[dimensions]):
        return None
    return values * math.prod(sizes)


_COUNTS: dict[str, Callable[[Operation], int | None]] = {
    "Conv2D": _convolution,
    "Conv3D": _convolution,
    "QuantizedConv2D": _convolution,
    "_FusedConv2D": _convolution,
    "DepthwiseConv2dNative": _depthwise_convolution,
    "Conv2DBackpropInput": _transposed_convolution,
    "Conv3DBackpropInputV2": _transposed_convolution,
    "MatMul": _matrix_product,
    "BatchMatMul": _matrix_product,
    "BatchMatMulV2": _matrix_product,
    "BatchMatMulV3": _matrix_product,
    "QuantizedMatMul": _matrix_product,
    "_FusedMatMul": _matrix_product,
    "AvgPool": _average_pool,
    "AvgPool3D": _average_pool,
    "Mean": _mean,
}
