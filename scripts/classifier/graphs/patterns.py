"""Lets Python's `match` work on a graph's nodes, so that a pattern reads like what it computes.

    match Op.at(node.name, nodes):
        case Op("Mul", [x, Known(factor)] | [Known(factor), x]): ...

matches any product of a tensor and a constant.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .frozen_graph import node_of
from .wiring import Nodes, constant, inputs_of, kind_of, value

if TYPE_CHECKING:
    from tensorflow.core.framework.node_def_pb2 import NodeDef


class Op:
    """The operation that produces a tensor: its kind and its inputs, without control inputs.

    It reflects later changes of the nodes.
    """

    __match_args__: tuple[str, ...] = ("kind", "inputs")

    def __init__(self, source: str, nodes: Nodes):
        self.source, self._nodes = source, nodes

    @staticmethod
    def at(source: str, nodes: Nodes) -> Op:
        """The operation that produces the tensor `source`. A node's name stands for its first output."""
        return Op(source, nodes) if constant(source, nodes) is None else Known(source, nodes)

    @property
    def node(self) -> NodeDef:
        return self._nodes[node_of(self.source)]

    @property
    def kind(self) -> str:
        """The name of its first version; empty for a node missing from the graph."""
        return kind_of(self.node) if node_of(self.source) in self._nodes else ""

    @property
    def inputs(self) -> list[Op]:
        return [Op.at(source, self._nodes) for source in inputs_of(self.node)]


class Known(Op):
    """A constant, possibly behind Identity nodes."""

    __match_args__ = ("value",)

    @cached_property
    def value(self) -> np.ndarray:
        found = value(self.source, self._nodes)
        assert found is not None, "only constants are Known"
        return found
