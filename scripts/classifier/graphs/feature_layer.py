"""Finds the layer of a network that describes a picture best for others: the last before its own scores.

A network ends in one of these ways, seen from its end:

    scores (softmax) <- products, activations <- pooling <- a feature map     most classifiers: the pooled values
    scores (softmax) <- pooling <- product <- a feature map                   SqueezeNet: that map, averaged
    pooling <- a feature map                                                  no classifier: its output
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .frozen_graph import node_of
from .patterns import Known, Op
from .shapes import Shape, all_known, infer_shapes
from .wiring import Wiring, inputs_of, port_of

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

# Operations that hand on each value, in another form.
_PASSING = {
    "Identity",
    "IdentityN",
    "Reshape",
    "Squeeze",
    "ExpandDims",
    "Cast",
    "StopGradient",
    "PlaceholderWithDefault",
}
_PRODUCTS = {"MatMul", "Conv2D"}
_LINEAR = {*_PRODUCTS, "BiasAdd", "Add"}
_SCORES = {"Softmax", "LogSoftmax", "Sigmoid"}
# What may follow a product before its values are pooled.
_AFTER_PRODUCT = {*_PASSING, "Add", "BiasAdd", "Sub", "Mul", "Relu", "Relu6", "LeakyRelu", "Elu", "FusedBatchNorm"}

# ImageNet's classes, with and without one for everything else: as many values are scores, and nobody's features.
_CLASSES = (1000, 1001)


@dataclass(frozen=True)
class Ending:
    """The end of a network, from its output back to the map of features that is pooled."""

    nodes: tuple[NodeDef, ...]  # those that give one vector a picture, the output first
    pooled_from: str  # the tensor that the last of them reads
    wiring: Wiring
    shapes: dict[str, list[Shape]]

    @property
    def _values(self) -> int:
        return _count(self.shapes, self.nodes[0].name) or 0

    @property
    def operation(self) -> Op:
        """The last one that changes values."""
        last = next((node for node in self.nodes if node.op not in _PASSING), self.nodes[-1])
        return Op.at(last.name, self.wiring.nodes)

    @property
    def has_product(self) -> bool:
        return any(node.op in _PRODUCTS for node in self.nodes)

    @property
    def are_scores(self) -> bool:
        match self.operation:
            case Op("Div", [Op("Exp"), *_]):
                return True  # a softmax, step by step
            case Op(kind):
                return kind in _SCORES or self._values in _CLASSES
        return False


def find(graph_def: GraphDef, entry: str, end: str, are_features: bool = False) -> str | None:
    """The node whose values, or their averages over the picture, describe it; None if it is not clear.

    The graph takes one picture and has no functions. `are_features` says that the network's maker calls its output
    features, though it may look like scores.
    """
    shapes = infer_shapes(graph_def)
    if _count(shapes, end) is None:
        shape = shapes[end][0]
        return end if shape is not None and len(shape) == 4 else None
    ending = _ending(Wiring(graph_def), shapes, entry, end)
    if ending is None:
        return None
    if are_features:
        return end
    if ending.has_product:
        last = ending.nodes[-1]
        # A Reshape keeps every place of the picture apart, and a product as large as the picture has learnt scores.
        is_pooled = last.op not in (*_PASSING, *_PRODUCTS)
        return last.name if is_pooled else node_of(ending.pooled_from)
    return _before_product(ending) if ending.are_scores else end


def likely(graph_def: GraphDef, entry: str, end: str) -> list[str]:
    """Nodes near the end that give a vector or a map, to be named to the user; the last one first."""
    wiring, shapes = Wiring(graph_def), infer_shapes(graph_def)
    found, name = [], end
    while name != entry and (source := _varying(wiring, entry, name)) is not None:
        if wiring.nodes[name].op not in _PASSING | _SCORES | _LINEAR - _PRODUCTS and _is_map_or_vector(shapes[name][0]):
            found.append(name)
        name = node_of(source)
    return found


def _is_map_or_vector(shape: Shape) -> bool:
    return shape is not None and len(shape) in (2, 4)


def _ending(wiring: Wiring, shapes: dict[str, list[Shape]], entry: str, end: str) -> Ending | None:
    nodes, name = [], end
    while name != entry:
        nodes.append(wiring.nodes[name])
        source = _varying(wiring, entry, name)
        if source is None or node_of(source) == entry:
            return None
        if _count(shapes, source) is None:
            return Ending(tuple(nodes), source, wiring, shapes)
        name = node_of(source)
    return None


def _varying(wiring: Wiring, entry: str, name: str) -> str | None:
    """The first input that depends on the picture; of several, such as in an activation x * sigmoid(x), any will do."""
    pictures = wiring.behind(entry)
    return next((source for source in inputs_of(wiring.nodes[name]) if node_of(source) in pictures), None)


def _count(shapes: dict[str, list[Shape]], source: str) -> int | None:
    """The number of values in the vector of one picture; None if it is not a vector."""
    shape = all_known(shapes[node_of(source)][port_of(source)])
    return max(shape) if shape and np.prod(shape) == max(shape) else None


def _before_product(ending: Ending) -> str | None:
    """The map of features from which the scores of each place are computed, which are then pooled."""
    op = Op.at(ending.pooled_from, ending.wiring.nodes)
    while op.kind in _AFTER_PRODUCT:
        op = next(each for each in op.inputs if not isinstance(each, Known))
    if op.kind not in _PRODUCTS:
        return None
    features = op.inputs[0]
    while features.kind in _PASSING:
        features = features.inputs[0]
    return node_of(features.source)
