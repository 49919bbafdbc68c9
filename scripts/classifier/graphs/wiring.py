"""Which node of a graph reads which, and how to rewire them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError, in_short
from .frozen_graph import node_of

if TYPE_CHECKING:
    from tensorflow.core.framework.attr_value_pb2 import AttrValue
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

Nodes = dict[str, "NodeDef"]

# Later versions of operations, and the first, which compute the same.
_FIRST_NAMES = {
    "AddV2": "Add",
    "RealDiv": "Div",
    "SelectV2": "Select",
    "FusedBatchNormV2": "FusedBatchNorm",
    "FusedBatchNormV3": "FusedBatchNorm",
}

CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative")
# Operations that multiply their first input by weights, the second.
PRODUCTS = (*CONVOLUTIONS, "MatMul")


class Wiring:
    """A graph's nodes by name, and the readers of each, not counting control inputs."""

    def __init__(self, graph_def: GraphDef):
        self.nodes: Nodes = {node.name: node for node in graph_def.node}
        self.readers: dict[str, list[NodeDef]] = {}
        for node in graph_def.node:
            for source in inputs_of(node):
                self.readers.setdefault(node_of(source), []).append(node)

    def only_reader(self, name: str) -> NodeDef | None:
        """The only node that reads `name`, if it reads it once."""
        readers = self.readers.get(name, [])
        return readers[0] if len(readers) == 1 else None

    def before(self, name: str) -> set[str]:
        """The node and everything that leads to it."""
        return self._reach(name, lambda at: [node_of(source) for source in inputs_of(self.nodes[at])])

    def behind(self, name: str) -> set[str]:
        """The node and everything it leads to."""
        return self._reach(name, lambda at: [node.name for node in self.readers.get(at, [])])

    def _reach(self, start: str, further: Callable[[str], list[str]]) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            name = waiting.pop()
            if name in self.nodes and name not in seen:
                seen.add(name)
                waiting += further(name)
        return seen


def kind_of(node: NodeDef) -> str:
    """Its operation, under the name of the first version."""
    return _FIRST_NAMES.get(node.op, node.op)


def inputs_of(node: NodeDef) -> list[str]:
    """The tensors it reads, in order."""
    return [source for source in node.input if not source.startswith("^")]


def controls_of(node: NodeDef) -> list[str]:
    return [source for source in node.input if source.startswith("^")]


def port_of(source: str) -> int:
    """The index of a tensor among its node's outputs."""
    return int(source.partition(":")[2] or 0)


def attribute(node: NodeDef, name: str) -> AttrValue:
    """The attribute, or an empty one. Asking the node itself would add one to it."""
    from tensorflow.core.framework.attr_value_pb2 import AttrValue

    return node.attr[name] if name in node.attr else AttrValue()


def placeholder_sizes(node: NodeDef) -> list[int]:
    """Its sizes, -1 for any. Empty if the rank is unknown, or missing as in old graphs."""
    return [dim.size for dim in attribute(node, "shape").shape.dim]


def value(name: str, nodes: Nodes) -> np.ndarray | None:
    """The value of a constant, possibly behind Identity nodes; None for any other node."""
    import tensorflow as tf

    node = constant(name, nodes)
    if node is None:
        return None
    try:
        return tf.make_ndarray(node.attr["value"].tensor)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"the network's constant {in_short(node.name)} is damaged ({in_short(error)}): get or train it again"
        ) from None


def known_value(name: str, nodes: Nodes) -> np.ndarray:
    """The value of a node known to be constant."""
    found = value(name, nodes)
    assert found is not None, f"{name} is not constant"
    return found


def constant(name: str, nodes: Nodes) -> NodeDef | None:
    """The constant with that name, or behind Identity nodes starting at that name."""
    node = nodes.get(node_of(name))
    while node is not None and node.op == "Identity":
        node = nodes.get(node_of(node.input[0]))
    return node if node is not None and node.op == "Const" else None


def in_order(nodes: Nodes, output: str | None = None, controls: bool = True) -> Iterator[NodeDef]:
    """Yields each node after its inputs, and control inputs if `controls`: those leading to `output`, or all.

    Loops start anywhere.
    """
    done: set[str] = set()
    for start in nodes if output is None else [output]:
        waiting = [(start, False)]
        while waiting:
            name, inputs_done = waiting.pop()
            if inputs_done:
                yield nodes[name]
            elif name in nodes and name not in done:
                done.add(name)
                waiting.append((name, True))
                sources = nodes[name].input if controls else inputs_of(nodes[name])
                waiting += [(node_of(source), False) for source in sources]


def become_identity(node: NodeDef, source: str) -> None:
    """Turns the node into an Identity of `source`, which must have the type the node had."""
    kind = next((node.attr[key].type for key in ("T", "dtype") if key in node.attr), None)
    controls = controls_of(node)
    node.op = "Identity"
    del node.input[:]
    node.input.extend([source, *controls])
    node.attr.clear()
    if kind is not None:
        node.attr["T"].type = kind


def insert(nodes: Nodes, node: NodeDef) -> str:
    """Adds the node under a unique name, and returns that name."""
    wanted, number = node.name, 0
    while node.name in nodes:
        number += 1
        node.name = f"{wanted}_{number}"
    nodes[node.name] = node
    return node.name
