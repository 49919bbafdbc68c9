"""Bounds the memory that a model's values take, before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from .. import machine
from ..errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.core.framework.graph_pb2 import GraphDef

# Several values exist at the same time, and so do a photo and the weights.
_SHARE_OF_MEMORY = 0.5

# A size of None is not known before a picture is; it counts as 1.
Shape = Sequence[int | None]


def refuse_large(values: Iterable[tuple[Shape, int]], origin: object) -> None:
    """`values` are shapes with the bytes of an element."""
    largest = max((math.prod(size or 1 for size in shape) * each for shape, each in values), default=0)
    free = machine.free_memory()
    if largest > _SHARE_OF_MEMORY * free:
        raise UserError(
            f"{origin} computes {largest / 1e9:,.1f} GB of values at once, more than half of the {free / 1e9:,.1f} GB "
            "of memory that are free: it is damaged, or made for a larger machine"
        )


def of_graph(graph: tf.Graph) -> Iterator[tuple[Shape, int]]:
    for operation in graph.get_operations():
        for tensor in operation.outputs:
            yield tensor.shape.as_list() if tensor.shape.rank is not None else (), tensor.dtype.size or 1


def of_functions(graph_def: GraphDef) -> Iterator[tuple[Shape, int]]:
    """Of all that the functions of a loaded model compute, as far as it follows from each of them alone."""
    from tensorflow.python.framework import function_def_to_graph  # the only way to ask for these shapes

    for function in graph_def.library.function:
        yield from of_graph(function_def_to_graph.function_def_to_graph(function))
