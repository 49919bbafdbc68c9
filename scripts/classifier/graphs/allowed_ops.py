"""Refuses graphs that could do more than turn pictures into numbers, before TensorFlow is given them.

A graph is a program: its operations can read and write files, call Python and reach other machines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..errors import UserError, in_short
from .graph_limits import named_in, refuse_inflated
from .op_names import ALLOWED, READS_CHECKPOINTS, WRITES_CHECKPOINTS

if TYPE_CHECKING:
    from tensorflow.core.framework.function_pb2 import FunctionDef
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef, TensorInfo

_CHECKPOINTS = READS_CHECKPOINTS | WRITES_CHECKPOINTS
# Restoring runs these, whatever reads them.
_VARIABLES = {"Variable", "VariableV2", "VarHandleOp", "AutoReloadVariable"}


def refuse_others(graph_def: GraphDef, origin: object) -> None:
    """For frozen graphs: looks at every node, used or not, as TensorFlow computes constants while it reads a graph."""
    for op, node in _used(graph_def):
        if not _may_stand(op):
            raise _refused(op, node, origin)
    refuse_inflated(graph_def, origin)


def refuse_in_saved_model(meta_graph: MetaGraphDef, origin: object) -> None:
    """For SavedModels: the operations of savers may stand where only saving and restoring run them."""
    graph_def = meta_graph.graph_def
    for op, place in _used(graph_def):
        if not _may_stand(op) and op not in _CHECKPOINTS:
            raise _refused(op, place, origin)
    functions = _with_checkpoints(graph_def)
    for name in _callable_by_name(meta_graph):
        for op in functions.get(name, ()):
            raise _refused(op, name, origin)
    nodes = {node.name: node for node in graph_def.node}
    restoring = meta_graph.saver_def.restore_op_name
    for roots, refused in ((list(_run(meta_graph)), _CHECKPOINTS), ([restoring], WRITES_CHECKPOINTS)):
        for node in _leading_to(nodes, roots):
            for called in named_in(node):
                for op in ({called} | functions.get(called, set())) & refused:
                    raise _refused(op, node.name, origin)
    refuse_inflated(graph_def, origin)
    # Restoring may read the file whose path TensorFlow puts in, and no other.
    by_name = {each.signature.name: each for each in graph_def.library.function}
    path = {_node_of(meta_graph.saver_def.filename_tensor_name)}
    for node in _reading_others(_leading_to(nodes, [restoring]), path, by_name):
        raise UserError(
            f"{origin} takes weights from a file that it names itself (in {in_short(node.name)}), which is never read: "
            "expected all weights in its own folder; save the network again"
        )


def refuse_node(node: NodeDef, origin: object) -> None:
    for op in named_in(node):
        if op not in ALLOWED:
            raise _refused(op, node.name, origin)


def _may_stand(op: str) -> bool:
    """Names that are no operations are those of the graph's own functions, or TensorFlow cannot run them anyway."""
    if op in ALLOWED:
        return True
    from tensorflow.python.framework import op_def_registry  # the only way to ask

    return op_def_registry.get(op) is None


def _refused(op: str, node: str, origin: object) -> UserError:
    what = in_short(f"{op} (in {node})")
    return UserError(
        f"{origin} holds the operation {what}, which is never run here, as it may read or write files or do other "
        "things besides arithmetic: expected a network of arithmetic alone; save the network again without it"
    )


def _used(graph_def: GraphDef) -> Iterator[tuple[str, str]]:
    """Every operation and name of a function in the graph and its functions, with the node that it is in."""
    for node in graph_def.node:
        for name in named_in(node):
            yield name, node.name
    for function in graph_def.library.function:
        for node in function.node_def:
            for name in named_in(node):
                yield name, f"{node.name} of {function.signature.name}"


def _with_checkpoints(graph_def: GraphDef) -> dict[str, set[str]]:
    """The operations on checkpoints in each function and in those that it calls."""
    called = {
        each.signature.name: {name for node in each.node_def for name in named_in(node)}
        for each in graph_def.library.function
    }
    found = {name: names & _CHECKPOINTS for name, names in called.items()}
    grown = True
    while grown:
        grown = False
        for name, names in called.items():
            more = set().union(*(found[each] for each in names if each in found))
            if more - found[name]:
                found[name] |= more
                grown = True
    return {name: ops for name, ops in found.items() if ops}


def _callable_by_name(meta_graph: MetaGraphDef) -> Iterator[str]:
    """The functions that the objects of a TensorFlow 2 model offer; loading may run them."""
    objects = meta_graph.object_graph_def
    yield from objects.concrete_functions
    for node in objects.nodes:
        yield from node.function.concrete_functions
        yield node.bare_concrete_function.concrete_function_name


def _reading_others(nodes: Iterable[NodeDef], path: set[str], functions: dict[str, FunctionDef]) -> Iterator[NodeDef]:
    """The nodes, also in functions, that read a checkpoint of another name than `path`, which any of these gives."""
    for node in nodes:
        given = [_node_of(name) in path for name in node.input]
        if node.op in READS_CHECKPOINTS and not any(given[:1]):
            yield node
        for name in named_in(node):
            if name in functions:
                function = functions[name]
                arguments = [each.name for each in function.signature.input_arg]
                inside = {argument for argument, is_path in zip(arguments, given, strict=False) if is_path}
                yield from _reading_others(function.node_def, inside, functions)


def _node_of(tensor: str) -> str:
    return tensor.lstrip("^").split(":")[0]


def _run(meta_graph: MetaGraphDef) -> Iterator[str]:
    """The nodes that are run: those of signatures and initialisation, and variables, which restoring reads."""
    for signature in meta_graph.signature_def.values():
        for each in (*signature.inputs.values(), *signature.outputs.values()):
            yield from _tensors(each)
    for collection in meta_graph.collection_def.values():
        yield from collection.node_list.value
    for asset in meta_graph.asset_file_def:
        yield asset.tensor_info.name
    yield from (node.name for node in meta_graph.graph_def.node if node.op in _VARIABLES)


def _tensors(info: TensorInfo) -> Iterator[str]:
    sparse = info.coo_sparse
    yield from (info.name, sparse.values_tensor_name, sparse.indices_tensor_name, sparse.dense_shape_tensor_name)
    for each in info.composite_tensor.components:
        yield from _tensors(each)


def _leading_to(nodes: dict[str, NodeDef], tensors: Iterable[str]) -> Iterator[NodeDef]:
    """The nodes that these tensors need, control inputs included. Missing ones are for the loader to report."""
    seen, waiting = set(), list(tensors)
    while waiting:
        name = _node_of(waiting.pop())
        if name in nodes and name not in seen:
            seen.add(name)
            yield nodes[name]
            waiting += nodes[name].input
