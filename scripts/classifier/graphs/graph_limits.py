"""Refuses graphs of a few kB that would fill the memory: a constant's one value repeated, functions in functions.

TensorFlow fills constants and copies functions into their callers before it computes anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import UserError
from ..fetching import unpacked_sizes

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef
    from tensorflow.core.framework.tensor_pb2 import TensorProto

# The largest published networks have some ten thousand nodes; TensorFlow needs a kB and more for each.
_MOST_NODES = 500_000
# Those from Keras call some ten deep. TensorFlow follows calls by calling itself, until its stack is full.
_DEEPEST = 100


def refuse_inflated(graph_def: GraphDef, origin: object) -> None:
    try:
        unpacked_sizes.check(sum(map(_bytes, _constants(graph_def))), graph_def.ByteSize())
    except unpacked_sizes.TooLarge as error:
        raise UserError(f"{origin} is refused: {error}; get it from a place that you trust") from None
    _refuse_calls(graph_def, origin)


def named_in(node: NodeDef) -> Iterator[str]:
    """Its operation, and the functions that its attributes name."""
    yield node.op
    for attr in node.attr.values():
        if attr.HasField("func"):
            yield attr.func.name
        yield from (each.name for each in attr.list.func)


def nodes(graph_def: GraphDef) -> Iterator[NodeDef]:
    """Those of its functions, too."""
    yield from graph_def.node
    for function in graph_def.library.function:
        yield from function.node_def


def _constants(graph_def: GraphDef) -> Iterator[TensorProto]:
    for node in nodes(graph_def):
        for attr in node.attr.values():
            if attr.HasField("tensor"):
                yield attr.tensor
            yield from attr.list.tensor


def _bytes(tensor: TensorProto) -> int:
    import tensorflow as tf

    try:
        size = tf.as_dtype(tensor.dtype).size or 1
    except TypeError:  # no type at all: TensorFlow refuses it
        return 0
    return size * math.prod(max(dim.size, 0) for dim in tensor.tensor_shape.dim)


def _refuse_calls(graph_def: GraphDef, origin: object) -> None:
    functions = {each.signature.name: each.node_def for each in graph_def.library.function}
    calls = {
        name: [called for node in body for called in named_in(node) if called in functions]
        for name, body in functions.items()
    }
    sizes: dict[str, int] = {}  # with all that they call
    left = set(calls)
    for _ in range(_DEEPEST):
        known = {name for name in left if sizes.keys() >= set(calls[name])}
        sizes |= {name: len(functions[name]) + sum(sizes[called] for called in calls[name]) for name in known}
        left -= known
        if not left:
            break
    else:
        if left:
            raise UserError(
                f"{origin} holds functions that call one another more than {_DEEPEST} deep, or themselves: expected a "
                "network; save it again without them"
            )
    whole = sum(1 + sum(sizes.get(called, 0) for called in named_in(node)) for node in graph_def.node)
    if (most := max([whole, *sizes.values()])) > _MOST_NODES:
        raise UserError(
            f"{origin} grows to {most:,} operations, as its functions call one another again and again: expected "
            f"{_MOST_NODES:,} at most; save the network again without them"
        )
