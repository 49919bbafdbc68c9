"""Replaces calls of a graph's functions by their bodies, which leaves plain operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frozen_graph import node_of
from .wiring import inputs_of, port_of

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")


def inline(graph_def: GraphDef) -> GraphDef:
    """Inlines all calls in a frozen graph.

    TensorFlow's own inlining skips functions marked for compilation, such as grouped convolutions.
    """
    functions = {each.signature.name: each for each in graph_def.library.function}
    result = type(graph_def)(node=graph_def.node, versions=graph_def.versions)
    while calls := [node for node in result.node if _called(node) in functions]:
        given: dict[str, str] = {}  # from a call's output to the tensor inside the body
        bodies: list[NodeDef] = []
        for call in calls:
            bodies += _body(call, functions[_called(call)], given)
        kept = [node for node in result.node if _called(node) not in functions]
        for node in (*kept, *bodies):
            node.input[:] = [_resolved(source, given) for source in inputs_of(node)]
        result = type(graph_def)(node=[*kept, *bodies], versions=graph_def.versions)
    return result


def _called(node: NodeDef) -> str | None:
    """The name of the function the node calls; old graphs use it as the operation's name."""
    return node.attr["f"].func.name if node.op in _CALLS else node.op


def _body(call: NodeDef, function, given: dict[str, str]) -> list[NodeDef]:
    """The function's nodes, prefixed with the call's name."""
    from tensorflow.python.framework import function_def_to_graph  # the only way to resolve a:output:0

    body, flat = function_def_to_graph.function_def_to_graph_def(function)
    arguments = dict(zip((each.name for each in function.signature.input_arg), inputs_of(call), strict=True))
    for port, result in enumerate(function.signature.output_arg):
        given[f"{call.name}:{port}"] = _inside(flat[function.ret[result.name]], call.name, arguments)
    nodes = [node for node in body.node if node.name not in arguments]
    for node in nodes:
        node.input[:] = [_inside(source, call.name, arguments) for source in inputs_of(node)]
        node.name = f"{call.name}/{node.name}"
    return nodes


def _inside(source: str, call: str, arguments: dict[str, str]) -> str:
    return arguments.get(node_of(source), f"{call}/{source}")


def _resolved(source: str, given: dict[str, str]) -> str:
    while (tensor := f"{node_of(source)}:{port_of(source)}") in given:
        source = given[tensor]
    return source
