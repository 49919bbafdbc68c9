"""Reads, edits and writes frozen TensorFlow graphs (.pb)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import atomic_files
from ..errors import UserError, in_short
from . import allowed_ops, model_files

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

# The producer version of TensorFlow 1.4: we write nothing newer.
PRODUCER = 24

# The attribute that names the axes of pictures. Where a graph has it, OpenCV works out from it what the axes of other
# tensors are. Without it, it may take the columns of a picture for its colours.
AXES = "data_format"


def read(path: Path, to_run: bool = True) -> GraphDef:
    """With `to_run=False`, for looking at it only, the graph may hold any operation."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: give a file that retrain wrote") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder: expected a frozen graph, a .pb file") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    return parse(data, str(path), to_run)


def parse(data: bytes, origin: str, to_run: bool = True) -> GraphDef:
    """Parses these bytes; `origin` names their source in errors."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    if not data:
        raise UserError(f"{origin} is empty: expected a frozen graph, a .pb file")
    model_files.refuse_others(data[: model_files.HEAD], origin)
    graph_def = GraphDef()
    try:
        graph_def.ParseFromString(data)
    except DecodeError:
        saved_model = SavedModel()
        try:
            saved_model.ParseFromString(data)
        except DecodeError:
            raise UserError(f"{origin} is not a frozen graph, or is cut short: download or create it again") from None
        raise UserError(
            f"{origin} is part of a SavedModel, expected a frozen graph: give the folder that holds it instead, "
            "where SavedModels are accepted"
        ) from None
    if not graph_def.node:
        raise UserError(f"{origin} holds no nodes: expected a frozen graph, a .pb file")
    if to_run:
        allowed_ops.refuse_others(graph_def, origin)
    return graph_def


def write(graph_def: GraphDef, path: Path) -> None:
    atomic_files.write_bytes(path, serialised(graph_def))


def serialised(graph_def: GraphDef) -> bytes:
    """The content of its file, always the same for the same graph."""
    return graph_def.SerializeToString(deterministic=True)


def leading_to(nodes: Iterable[NodeDef], *outputs: str) -> set[str]:
    """The names of `outputs` and of all nodes they need, control inputs included. KeyError names a missing node."""
    by_name = {node.name: node for node in nodes}
    needed: set[str] = set()
    waiting = list(outputs)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += [node_of(source) for source in by_name[name].input]
    return needed


def subgraph(graph_def: GraphDef, output: str) -> GraphDef:
    """The graph with only the nodes that lead to `output`, in their original order."""
    needed = leading_to(graph_def.node, output)
    kept = type(graph_def)(node=[node for node in graph_def.node if node.name in needed])
    kept.versions.producer = graph_def.versions.producer or PRODUCER
    return kept


def node_of(tensor: str) -> str:
    """`^a`, `a:0` and `a` all come from the node a."""
    return tensor.lstrip("^").split(":")[0]


def gap(graph_def: GraphDef) -> str | None:
    """Which node takes the output of one that is not there; None if there is none such."""
    names = {node.name for node in graph_def.node}
    for node in graph_def.node:
        for source in node.input:
            port = source.partition(":")[2]
            if node_of(source) not in names or not (port.isdecimal() or not port):
                return f"its node {in_short(node.name)} needs {in_short(source)}, which is missing"
    return None


def placeholder(name: str, shape: Sequence[int | None]) -> NodeDef:
    import tensorflow as tf
    from tensorflow.core.framework.node_def_pb2 import NodeDef

    node = NodeDef(name=name, op="Placeholder")
    node.attr["dtype"].type = tf.float32.as_datatype_enum
    for size in shape:
        node.attr["shape"].shape.dim.add(size=-1 if size is None else size)
    return node


def constant(name: str, value: np.ndarray | np.generic) -> NodeDef:
    import tensorflow as tf
    from tensorflow.core.framework.node_def_pb2 import NodeDef

    node = NodeDef(name=name, op="Const")
    node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    return node


def operation(name: str, op: str, *inputs: str, **lists_of_ints: list[int]) -> NodeDef:
    """A node that computes with floats; keyword arguments become attributes."""
    import tensorflow as tf
    from tensorflow.core.framework.node_def_pb2 import NodeDef

    node = NodeDef(name=name, op=op, input=inputs)
    node.attr["T"].type = tf.float32.as_datatype_enum
    for key, values in lists_of_ints.items():
        node.attr[key].list.i.extend(values)
    return node


def function(graph_def: GraphDef, feeds: list[str], fetch: str):
    """A callable that takes one array or tensor per feed and returns the tensor `fetch`."""
    body = function_of_several(graph_def, feeds, [fetch])
    return lambda *values: body(*values)[0]


def function_of_several(graph_def: GraphDef, feeds: list[str], fetches: list[str]):
    """The same, returning a list of tensors."""
    import tensorflow as tf

    def body(*values):
        own = type(graph_def)()
        own.CopyFrom(graph_def)  # importing adds default attributes to the graph it is given
        given = {f"{node_of(feed)}:0": value for feed, value in zip(feeds, values, strict=True)}
        wanted = [f"{node_of(fetch)}:0" for fetch in fetches]
        return tf.graph_util.import_graph_def(own, input_map=given, return_elements=wanted, name="")

    return body


# Operations in newer image networks that TensorFlow 1.4 did not have.
_NEWER = {
    "BatchMatMulV2",
    "BatchMatMulV3",
    "ClipByValue",
    "Einsum",
    "FusedBatchNormV2",
    "FusedBatchNormV3",
    "LeakyRelu",
    "Roll",
    "SelectV2",
    "While",
    "StatelessWhile",
    "If",
    "StatelessIf",
    "StatefulPartitionedCall",
    "PartitionedCall",
}


def newer_than_tensorflow_1(graph_def: GraphDef) -> list[str]:
    """The operations in it that only newer readers support."""
    return sorted({node.op for node in graph_def.node} & _NEWER)


def continued(graph_def: GraphDef, pictures, *fetches: str) -> list:
    """Imports the graph into the one being built, with these pictures in place of its placeholder `input`."""
    import tensorflow as tf

    rest = type(graph_def)()
    rest.CopyFrom(graph_def)
    del rest.node[:]
    rest.node.extend(node for node in graph_def.node if node.name != "input")
    wanted = [f"{node_of(fetch)}:0" for fetch in fetches]
    return tf.graph_util.import_graph_def(rest, input_map={"input:0": pictures}, return_elements=wanted, name="")


def strip_to_tensorflow_1(graph_def: GraphDef, kept: str | None = None) -> GraphDef:
    """Removes what TensorFlow 1 cannot read: attributes at their default but `kept`, newer names of old ops."""
    from tensorflow.python.framework import op_def_registry  # the only way to get an op's defaults

    result = type(graph_def)(node=graph_def.node)
    result.versions.producer = PRODUCER
    for node in result.node:
        if node.op == "AddV2":
            node.op = "Add"
        defaults = {
            attr.name: attr.default_value
            for attr in op_def_registry.get(node.op).attr
            if attr.HasField("default_value")
        }
        for name in list(node.attr):
            if name.startswith("_") or (defaults.get(name) == node.attr[name] and name != kept):
                del node.attr[name]
    return result
