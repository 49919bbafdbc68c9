"""Rewrites Einsum and BatchMatMulV2, which TensorFlow 1 lacks, as older operations."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from . import frozen_graph
from .frozen_graph import node_of
from .shapes import all_known, infer_shapes
from .wiring import Nodes, Wiring, attribute, inputs_of, insert, port_of

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

# Two factors, and no "..." for labels that are not named.
_PLAIN = re.compile(r"([A-Za-z]+),([A-Za-z]+)->([A-Za-z]+)")
_Sizes = tuple[int, ...]
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def spell_out(graph_def: GraphDef) -> GraphDef:
    """Rewrites the products of two factors of known shapes in a graph for one picture; others stay."""
    if not any(node.op in ("Einsum", "BatchMatMulV2") for node in graph_def.node):
        return graph_def
    shapes = infer_shapes(graph_def)
    result = type(graph_def)()
    result.CopyFrom(graph_def)
    wiring = Wiring(result)
    varying = {name for node in result.node if node.op == "Placeholder" for name in wiring.behind(node.name)}
    nodes: Nodes = dict(wiring.nodes)
    for node in wiring.nodes.values():
        factors = [all_known(shapes[node_of(source)][port_of(source)]) for source in inputs_of(node)]
        if len(factors) != 2 or factors[0] is None or factors[1] is None:
            continue
        equation = _equation(node, factors[0], factors[1])
        if equation is not None:
            alone = any(node_of(source) not in varying for source in inputs_of(node))
            _rewrite(node, nodes, equation, (factors[0], factors[1]), alone)
    result.node.extend(node for name, node in nodes.items() if name not in wiring.nodes)
    return result


def _equation(node: NodeDef, one: _Sizes, other: _Sizes) -> tuple[str, str, str] | None:
    """The labels of two factors and of their product; None if this is no such product."""
    if node.op == "Einsum":
        plain = _PLAIN.fullmatch(node.attr["equation"].s.decode().replace(" ", ""))
        return None if plain is None else (plain[1], plain[2], plain[3])
    if node.op != "BatchMatMulV2" or any(attribute(node, name).b for name in ("adj_x", "adj_y")):
        return None
    labels = _LETTERS[: len(one) - 2]
    if len(other) == 2:
        return f"{labels}xy", "yz", f"{labels}xz"
    return (f"{labels}xy", f"{labels}yz", f"{labels}xz") if one[:-2] == other[:-2] else None


def _rewrite(
    node: NodeDef, nodes: Nodes, equation: tuple[str, str, str], factors: tuple[_Sizes, _Sizes], alone: bool
) -> None:
    """`alone`: one factor is the same for all pictures."""
    one, other, made = equation
    size: dict[str, int] = {}
    for labels, sizes in zip((one, other), factors, strict=True):
        for label, found in zip(labels, sizes, strict=True):
            if size.setdefault(label, found) != found:
                return  # it broadcasts
    takes_diagonal = any(len({*labels}) != len(labels) for labels in equation)
    if takes_diagonal or {*one} ^ {*other} != {*made} - ({*one} & {*other}):
        return  # it sums over a label of one factor
    _Product(node, nodes, size).write(one, other, made, alone)


class _Product:
    """The nodes that take a product's place, the last under its name."""

    def __init__(self, node: NodeDef, nodes: Nodes, size: dict[str, int]):
        self._node, self._nodes, self._size = node, nodes, size
        self._added = 0

    def write(self, one: str, other: str, made: str, alone: bool) -> None:
        left, right = inputs_of(self._node)
        shared = [label for label in made if label in one and label in other]
        summed = [label for label in one if label in other and label not in made]
        rows = [label for label in made if label not in other]
        columns = [label for label in made if label not in one]
        if alone and self._times(columns) == 1:
            left, one, rows, right, other, columns = right, other, columns, left, one, rows
        if not shared:
            factors = self._arranged(left, one, [], rows, summed), self._arranged(right, other, [], summed, columns)
            product = self._add("MatMul", *factors)
        elif alone and self._times(rows) == 1:
            # One row, such as a query that was learnt: with old operations, only sums of products broadcast.
            row = self._arranged(left, one, shared, rows, summed)
            factors = row, self._arranged(right, other, shared, columns, summed)
            product = self._add("Sum", self._add("Mul", *factors), self._constant([len(shared) + 1]))
            product = self._reshaped(product, [*shared, *rows, *columns])
        else:
            first = self._arranged(left, one, shared, rows, summed)
            factors = first, self._arranged(right, other, shared, summed, columns)
            product = self._add("BatchMatMulV2" if alone else "BatchMatMul", *factors)
        if len(rows) != 1 or len(columns) != 1:
            product = self._reshaped(product, [*shared, *rows, *columns])
        last = self._nodes[self._transposed(product, [*shared, *rows, *columns], [*made])]
        kept = frozen_graph.operation(self._node.name, "Identity", last.name)
        kept.attr["T"].CopyFrom(self._node.attr["T"])
        self._node.CopyFrom(kept)

    def _arranged(self, source: str, labels: str, shared: list[str], *ends: list[str]) -> str:
        """The factor as [*shared, first end, second end], with the labels of an end together in one dimension."""
        arranged = self._transposed(source, [*labels], [*shared, *(label for end in ends for label in end)])
        return arranged if all(len(end) == 1 for end in ends) else self._reshaped(arranged, shared, *ends)

    def _times(self, labels: list[str]) -> int:
        return math.prod(self._size[label] for label in labels)

    def _transposed(self, source: str, labels: list[str], wanted: list[str]) -> str:
        if labels == wanted:
            return source
        return self._add("Transpose", source, self._constant([labels.index(label) for label in wanted]))

    def _reshaped(self, source: str, single: list[str], *together: list[str]) -> str:
        sizes = [*(self._size[label] for label in single), *map(self._times, together)]
        return self._add("Reshape", source, self._constant(sizes))

    def _constant(self, numbers: list[int]) -> str:
        return self._named(frozen_graph.constant(self._node.name, np.array(numbers, np.int32)))

    def _add(self, op: str, *sources: str) -> str:
        made = frozen_graph.operation(self._node.name, op, *sources)
        made.attr["T"].CopyFrom(self._node.attr["T"])
        return self._named(made)

    def _named(self, made: NodeDef) -> str:
        made.name = f"{self._node.name}/part_{self._added}"
        self._added += 1
        return insert(self._nodes, made)
