"""Finds the last layers of a network that still know where in the picture they look: its last maps.

They are tensors [rows, height, width, channels] from which everything up to the logits follows. A network that ends in
an average has one, classifiers from several layers have one for each, and transformers have none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .frozen_graph import node_of
from .shapes import Misfit, Shape, infer_shapes
from .wiring import Wiring, attribute, inputs_of, port_of

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

# Operations that hand on scores in another form.
_PASSING = {"Identity", "Reshape", "Squeeze", "ExpandDims", "Cast"}
# They tell sizes, not what is in the picture.
_SIZES = {"Shape", "ShapeN", "Size", "Rank"}
# Of two values that both depend on the picture, they mix all of its places: attention.
_PRODUCTS = {"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"}
# They show that a tensor of rank 4 has rows, height, width and channels in this order.
_SPATIAL = {
    "Conv2D",
    "DepthwiseConv2dNative",
    "FusedBatchNorm",
    "FusedBatchNormV2",
    "FusedBatchNormV3",
    "MaxPool",
    "AvgPool",
    "LRN",
    "ResizeBilinear",
    "ResizeNearestNeighbor",
}
# They give a tensor of rank 4 another order, take it from another rank, or move its places.
_REORDERING = {"Transpose", "Reshape", "ExpandDims", "Slice", "StridedSlice", "ReverseV2", "Roll", *_PRODUCTS}


class NoMaps(Exception):
    """Says in a few words why a network has no maps, so that they can follow "its heat maps cannot be had"."""


@dataclass(frozen=True)
class LastMaps:
    """Names of tensors."""

    logits: str  # what the softmax takes
    maps: tuple[str, ...]


def find(graph_def: GraphDef, entry: str, output: str) -> LastMaps:
    """Raises NoMaps. The graph takes pictures at the placeholder `entry`."""
    try:
        shapes = infer_shapes(graph_def, node_of(entry), 1)
    except Misfit as error:
        raise NoMaps(f"TensorFlow refuses its graph: {error}") from None
    wiring = Wiring(graph_def)
    logits = _logits(wiring, node_of(output))
    return LastMaps(logits, _Search(wiring, shapes, node_of(entry)).maps_before(logits))


def _logits(wiring: Wiring, output: str) -> str:
    node = wiring.nodes[output]
    while node.op in _PASSING:
        node = wiring.nodes[node_of(node.input[0])]
    if node.op != "Softmax":
        raise NoMaps(f"its scores come from {node.op}, not from a softmax")
    return node.input[0]


class _Search:
    def __init__(self, wiring: Wiring, shapes: dict[str, list[Shape]], entry: str):
        self._wiring, self._shapes, self._entry = wiring, shapes, entry
        self._varying = wiring.behind(entry)

    def maps_before(self, logits: str) -> tuple[str, ...]:
        found: list[str] = []
        seen: set[str] = set()
        waiting = [logits]
        while waiting:
            tensor = waiting.pop()
            node = self._wiring.nodes[node_of(tensor)]
            if tensor in seen or node.op in _SIZES:
                continue
            seen.add(tensor)
            if self._is_map(tensor) and self._is_in_order(node):
                found.append(tensor)
                continue
            if node.op in _PRODUCTS and len(self._from_the_picture(node)) > 1:
                raise NoMaps("it is a transformer, whose layers mix all parts of the picture")
            waiting += self._from_the_picture(node)
        if not found:
            raise NoMaps("none of its layers keeps the places of the picture apart")
        return tuple(sorted(found))

    def _from_the_picture(self, node: NodeDef) -> list[str]:
        return [source for source in inputs_of(node) if node_of(source) in self._varying]

    def _is_map(self, tensor: str) -> bool:
        shape = self._shape(tensor)
        return len(shape) == 4 and all(size is None or size > 1 for size in shape[1:3])

    def _is_in_order(self, node: NodeDef) -> bool:
        """True if rows, height, width and channels come in this order, as the operations before it show."""
        seen: set[str] = set()
        waiting = [node]
        while waiting:
            each = waiting.pop()
            if each.name in seen or each.name == self._entry:
                continue
            seen.add(each.name)
            # What weighs whole channels, [rows, 1, 1, channels], moves nothing.
            sources = [
                source
                for source in self._from_the_picture(each)
                if len(self._shape(source)) == 4 and self._shape(source)[1:3] != (1, 1)
            ]
            if each.op == "Reshape" and (source := self._before_products(each)) is not None:
                sources = [source]
            elif each.op in _REORDERING or attribute(each, "data_format").s == b"NCHW":
                return False
            elif each.op in _SPATIAL and not self._is_of_each_place(each):
                continue
            waiting += [self._wiring.nodes[node_of(source)] for source in sources]
        return True

    def _is_of_each_place(self, node: NodeDef) -> bool:
        """A convolution of single places shows nothing about their order."""
        return node.op == "Conv2D" and self._shape(node.input[1])[:2] == (1, 1)

    def _before_products(self, node: NodeDef) -> str | None:
        """The map from which a Reshape takes its values, if all places went through products in one matrix."""
        places = self._shape(node.name)[1:3]
        (source, *others) = self._from_the_picture(node)
        while not others and len(self._shape(source)) == 2:
            before = self._wiring.nodes[node_of(source)]
            (source, *others) = self._from_the_picture(before)
            if before.op == "Reshape":
                return source if not others and self._is_map(source) and self._shape(source)[1:3] == places else None
        return None

    def _shape(self, tensor: str) -> tuple[int | None, ...]:
        """Empty if the rank is unknown."""
        return self._shapes[node_of(tensor)][port_of(tensor)] or ()
