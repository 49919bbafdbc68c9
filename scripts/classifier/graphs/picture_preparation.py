"""Follows what a graph first does to pictures: resizing, scaling, shifting, turning round the order of colours."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from . import folding, frozen_graph
from .affine import UNCHANGED, Affine, affine
from .frozen_graph import node_of
from .patterns import Known, Op
from .wiring import Nodes, Wiring, attribute, inputs_of, kind_of, port_of, value

if TYPE_CHECKING:
    from tensorflow.core.framework.node_def_pb2 import NodeDef

DECODERS = ("DecodeJpeg", "DecodePng", "DecodeImage", "DecodeBmp", "DecodeGif")
_RESIZERS = ("ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic", "ResizeArea")
_ARITHMETIC = ("Add", "BiasAdd", "Sub", "Mul", "Div", "FusedBatchNorm", "BatchNormWithGlobalNormalization")

_COLOURS = 3
_LAST_AXES = (3, -1)  # of [n, height, width, colours]


@dataclass(frozen=True)
class Way:
    """How pixels have been prepared by the node `at`: scale * pixel + shift, resized to `size`.

    Scale and shift are one number each, or one for each colour, in the order that the colours have at that node.
    """

    at: str
    size: tuple[int, int] | None  # height, width
    batched: bool  # its shape is [N, height, width, 3]
    scale: np.ndarray = field(default_factory=lambda: np.ones(1))
    shift: np.ndarray = field(default_factory=lambda: np.zeros(1))
    turned: bool = False  # the first colour has become the last

    @property
    def colours_alike(self) -> bool:
        return bool(np.ptp(self.scale) == 0 and np.ptp(self.shift) == 0)

    @property
    def unchanged(self) -> bool:
        return bool(np.all(self.scale == 1) and np.all(self.shift == 0))

    @property
    def plain_scale(self) -> float:
        return float(self.scale.flat[0])

    @property
    def plain_shift(self) -> float:
        return float(self.shift.flat[0])

    def then(self, at: str, scale: np.ndarray, shift: np.ndarray) -> Way:
        return replace(self, at=at, scale=self.scale * scale, shift=self.shift * scale + shift)

    def turn(self, at: str) -> Way:
        return replace(self, at=at, turned=not self.turned, scale=self.scale[::-1], shift=self.shift[::-1])


def walk(wiring: Wiring, way: Way, colours_alike: bool = False) -> Way:
    """Follows the chain while each node only prepares pictures; with `colours_alike`, and treats all colours alike."""
    while (further := _step(wiring, way)) is not None:
        if colours_alike and (further.turned or not further.colours_alike):
            break
        way = further
    return way


def _step(wiring: Wiring, way: Way) -> Way | None:
    """The way extended by what reads its end, or None if that does not prepare pictures."""
    node = wiring.only_reader(way.at)
    if node is None:
        return None
    if node.op == "Split":
        return _through_split(wiring, way, node)
    match Op.at(node.name, nodes := _with_known_operands(wiring, way, node)):
        case Op("Cast" | "Identity"):
            return replace(way, at=node.name)
        case Op(kind) if kind in DECODERS:
            return replace(way, at=node.name)
        case Op("ExpandDims"):
            return replace(way, at=node.name, batched=True)
        case Op(kind, [_, Known(size)]) if kind in _RESIZERS and size.shape == (2,):
            return replace(way, at=node.name, size=(int(size[0]), int(size[1])), batched=True)
        case Op() as op if _turns_colours_round(op):
            return way.turn(node.name)
        case Op(kind) as op if kind in _ARITHMETIC:
            if (found := affine(op)) is None or not found.fits(_COLOURS):
                return None
            if op.kind == "Sub" and node_of(found.source) != node_of(inputs_of(nodes[node.name])[0]):
                return None  # it inverts pictures
            return way.then(node.name, np.atleast_1d(found.scale), np.atleast_1d(found.shift))
    return None


def _with_known_operands(wiring: Wiring, way: Way, node: NodeDef) -> Nodes:
    """The nodes, with constants in place of this one's operands that are computed from constants alone."""
    nodes = dict(wiring.nodes)
    if kind_of(node) not in _ARITHMETIC:
        return nodes
    for name in map(node_of, inputs_of(node)):
        before = [wiring.nodes[each] for each in wiring.before(name)]
        if name != way.at and len(before) > 1 and all(each.op == "Const" or inputs_of(each) for each in before):
            nodes[name] = frozen_graph.constant(name, folding.value_of(name, before))
    return nodes


def _turns_colours_round(op: Op) -> bool:
    match op:
        case Op("ReverseV2", [_, Known(axes)]):
            return axes.size == 1 and int(axes.flat[0]) in _LAST_AXES
        case Op("GatherV2", [_, Known(indices), Known(axis)]):
            return indices.tolist() == [2, 1, 0] and int(axis) in _LAST_AXES
        case Op("StridedSlice", [_, _, _, Known(strides)]):
            whole = (1 << strides.size - 1) - 1  # all dimensions but the last
            begins, ends = (attribute(op.node, f"{side}_mask").i for side in ("begin", "end"))
            if attribute(op.node, "ellipsis_mask").i == 1 and strides.tolist() == [1, -1]:  # [..., ::-1]
                return bool(begins & ends & 2)
            from_end_to_start = bool(begins & ends & (whole + 1))
            return strides.tolist() == [1, 1, 1, -1] and begins & ends & whole == whole and from_end_to_start
    return False


def _through_split(wiring: Wiring, way: Way, split: NodeDef) -> Way | None:
    """Colours are split, each scaled and shifted, and then joined in this order or turned round."""
    axis = value(inputs_of(split)[0], wiring.nodes)
    joined = wiring.readers[split.name][0] if split.name in wiring.readers else split
    while joined.op != "ConcatV2":
        reader = wiring.only_reader(joined.name)
        if reader is None:
            return None
        joined = reader
    *sources, last = inputs_of(joined)
    if any(found is None or int(found) not in _LAST_AXES for found in (axis, value(last, wiring.nodes))):
        return None
    pieces = [piece for source in sources if (piece := _since_split(wiring, source, split.name)) is not None]
    if len(pieces) != len(sources):
        return None
    ports = [port_of(piece.source) for piece in pieces]
    scale = np.concatenate([np.atleast_1d(piece.scale) for piece in pieces])
    shift = np.concatenate([np.atleast_1d(piece.shift) for piece in pieces])
    if ports == [2, 1, 0]:
        return way.turn(joined.name).then(joined.name, scale, shift)
    return way.then(joined.name, scale, shift) if ports == [0, 1, 2] else None


def _since_split(wiring: Wiring, source: str, split: str) -> Affine | None:
    """What was done to one colour, and in `source` of that, which one it is."""
    total = UNCHANGED
    while node_of(source) != split:
        if (found := affine(Op.at(source, wiring.nodes))) is None or found.scale.size > 1 or found.shift.size > 1:
            return None
        total, source = found.then(total), found.source
    return replace(total, source=source)
