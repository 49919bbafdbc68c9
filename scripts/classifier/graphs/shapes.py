"""Infers the shape of every tensor in a graph, without running it."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from . import frozen_graph

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

# None if even the rank is unknown; a None inside means any size.
Shape = tuple[int | None, ...] | None

# Constants with more values than this are weights, which need not be copied to infer shapes.
_LARGE = 4096


class Misfit(Exception):
    """TensorFlow's message about a graph that it refuses."""

    @property
    def node(self) -> str | None:
        """The node at fault, if the message names one."""
        named = re.search(r"\{\{node ([^}]+)\}\}", str(self))
        return named[1] if named else None


def infer_shapes(graph_def: GraphDef, entry: str | None = None, pictures: int = 1) -> dict[str, list[Shape]]:
    """The shapes of each node's outputs for a batch of `pictures`; every node comes after its inputs."""
    import tensorflow as tf

    own = type(graph_def)(library=graph_def.library, versions=graph_def.versions)
    for node in graph_def.node:
        if node.name == entry:
            own.node.add().CopyFrom(node)
            own.node[-1].attr["shape"].shape.dim[0].size = pictures
        elif node.op == "Const" and (sizes := _large_sizes(node)):
            own.node.append(frozen_graph.placeholder(node.name, sizes))
            own.node[-1].attr["dtype"].type = node.attr["dtype"].type
        else:
            own.node.add().CopyFrom(node)
    with tf.Graph().as_default() as graph:
        try:
            tf.graph_util.import_graph_def(own, name="")
        except (ValueError, tf.errors.OpError) as error:
            raise Misfit(" ".join(str(error).split())) from None
    return {
        op.name: [None if out.shape.rank is None else tuple(out.shape.as_list()) for out in op.outputs]
        for op in graph.get_operations()
    }


def all_known(shape: Shape) -> tuple[int, ...] | None:
    """The shape, if it is fully known."""
    sizes = tuple(size for size in shape or () if size is not None)
    return sizes if shape is not None and len(sizes) == len(shape) else None


def _large_sizes(node: NodeDef) -> list[int]:
    sizes = [dim.size for dim in node.attr["value"].tensor.tensor_shape.dim]
    return sizes if math.prod(sizes) > _LARGE else []
