"""Turns any frozen graph into a Backbone, which takes pixels in our range and gives one vector per picture."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError
from ..graphs import (
    batch_lifting,
    costs,
    feature_layer,
    folding,
    freezing,
    frozen_graph,
)
from ..graphs.frozen_graph import node_of
from ..graphs.shapes import Shape, infer_shapes
from ..graphs.wiring import Wiring
from ..photos.preprocessing import RGB
from .backbone import MEAN, STD, Backbone

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

INPUT, OUTPUT = "input", "bottleneck"

# Above this many multiply-adds per picture, TensorFlow in bfloat16 is faster than XNNPACK. The figure lies between the
# largest MobileNet of 2017 (0.57e9) and Inception V3 (5.7e9).
_LARGE = 1e9

_MOST_NAMED = 3  # layers in a question, which must fit on a line


@dataclass(frozen=True)
class Prelude:
    """Prepares an RGB pixel from 0 to 255 as a network expects it: pixel @ matrix + shift."""

    matrix: np.ndarray  # [3, 3]
    shift: np.ndarray  # [3]

    @classmethod
    def of(cls, mean: float, std: float, channels: str = RGB) -> Prelude:
        ordered = np.eye(3) if channels == RGB else np.eye(3)[::-1]
        return cls(ordered / std, np.full(3, -mean / std))

    @classmethod
    def like(cls, prepare: Callable[[np.ndarray], np.ndarray]) -> Prelude:
        """Reproduces a function that shifts, scales or mixes the colours of pictures."""
        probes = np.concatenate([np.zeros((1, 3)), 255 * np.eye(3)]).reshape(4, 1, 1, 3)
        black, *colours = np.asarray(prepare(probes.astype(np.float32)), np.float64).reshape(4, 3)
        return cls((np.array(colours) - black) / 255, black)


@dataclass(frozen=True)
class Frozen:
    """A graph from elsewhere, with the nodes that take pictures and give vectors."""

    graph_def: GraphDef
    entry: str
    output: str  # [n, values], or [n, height, width, channels], to be averaged over height and width
    prelude: Prelude
    size: int


def convert(frozen: Frozen, origin: object) -> GraphDef:
    """A graph from INPUT to OUTPUT, if possible with operations that TensorFlow 1 can read."""
    single = _simplified(frozen, origin)
    lifted = batch_lifting.lift_batch(
        single, frozen.entry, frozen.output, (frozen.size, frozen.size), origin, try_out=False
    )
    if not lifted.batched:
        raise UserError(f"{origin} only takes one picture at a time, and several are needed: {lifted.why_not}")
    graph_def = folding.fold_constants(lifted.graph_def, frozen.output)
    graph_def, output = _rename_clashing(folding.fold_scales_into_convolutions(graph_def), frozen)
    graph_def = _end_with_vectors(_begin_with(graph_def, frozen), output, origin)
    return frozen_graph.strip_to_tensorflow_1(graph_def)


def node_named(layer: str, graph_def: GraphDef, origin: object) -> str:
    """The node of that name, or the last node of the layer of that name."""
    names = [node.name for node in graph_def.node if node.op not in ("Const", "NoOp")]
    if node_of(layer) in names:
        return node_of(layer)
    within = [name for name in names if f"/{layer}/" in f"/{name}/"]
    if not within:
        words = {*names, *(word for name in names for word in name.split("/"))}
        nearest = ", ".join(difflib.get_close_matches(layer, words, n=3, cutoff=0))
        raise UserError(f"--bottleneck_layer={layer}: {origin} has no such layer; the nearest are {nearest}")
    wiring = Wiring(graph_def)
    ends = [name for name in within if not wiring.behind(name) & {*within} - {name}]
    return ends[-1]


def features(frozen: Frozen, origin: object, layers: Collection[str] = (), are_features: bool = False) -> Frozen:
    """The same network up to the layer before its own scores, which would describe only what it was trained for.

    `layers` are the names that the user can give, if those are not nodes; `are_features` is what its maker says.
    """
    single = _simplified(frozen, origin)
    found = feature_layer.find(single, frozen.entry, frozen.output, are_features)
    if found is None:
        nodes = feature_layer.likely(single, frozen.entry, frozen.output)
        names = [_layer_of(node, layers) for node in nodes]
        named = " or ".join(list(dict.fromkeys(names))[:_MOST_NAMED])
        raise UserError(
            f"cannot tell which layer of {origin} gives a vector a picture that is not its own scores: name it with "
            f"--bottleneck_layer{f', such as {named}' if named else ''}"
        )
    return replace(frozen, output=found)


def backbone(name: str, graph_def: GraphDef, fingerprint: str) -> Backbone:
    """`graph_def` comes from `convert`."""
    shapes = infer_shapes(graph_def, INPUT)
    return Backbone(
        name=name,
        input_size=_second(shapes[INPUT][0]),
        graph_def=graph_def,
        bottleneck_name=OUTPUT,
        bottleneck_size=_second(shapes[OUTPUT][0]),
        fingerprint=fingerprint,
        large=costs.measure(graph_def, name).multiply_adds >= _LARGE,
    )


def _second(shape: Shape) -> int:
    size = None if shape is None else shape[1]
    assert size is not None  # `convert` guarantees it
    return size


def _layer_of(node: str, layers: Collection[str]) -> str:
    """Keras may add a number to a layer's name when it is traced."""
    words = [word for part in reversed(node.split("/")) for word in (part, re.sub(r"_\d+$", "", part))]
    return next((word for word in words if word in layers), node)


def _simplified(frozen: Frozen, origin: object) -> GraphDef:
    """The part that leads to the output, for one picture."""
    return freezing.simplified(frozen.graph_def, frozen.entry, frozen.output, (frozen.size, frozen.size), origin)


def _rename_clashing(graph_def: GraphDef, frozen: Frozen) -> tuple[GraphDef, str]:
    """Renames nodes whose names we need ourselves; also returns the output's new name."""

    def renamed(source: str) -> str:
        ours = node_of(source) in (INPUT, OUTPUT) or source.startswith((f"{OUTPUT}/", "prepare/"))
        return f"network/{source}" if ours and node_of(source) != frozen.entry else source

    for node in graph_def.node:
        node.name = renamed(node.name)
        node.input[:] = [renamed(source) for source in node.input]
    return graph_def, renamed(frozen.output)


def _begin_with(graph_def: GraphDef, frozen: Frozen) -> GraphDef:
    """Puts the placeholder INPUT first, then the conversion to the range that the network expects."""
    matrix, shift = frozen.prelude.matrix * STD, frozen.prelude.shift + MEAN * frozen.prelude.matrix.sum(0)
    first = [frozen_graph.placeholder(INPUT, [None, frozen.size, frozen.size, 3])]
    if not np.allclose(matrix, np.eye(3)) or not np.allclose(shift, 0):
        first += _affine(matrix.astype(np.float32), shift.astype(np.float32))
    result = type(graph_def)(node=first, versions=graph_def.versions)
    for node in graph_def.node:
        if node.name != frozen.entry:
            copy = result.node.add()
            copy.CopyFrom(node)
            copy.input[:] = [first[-1].name if node_of(source) == frozen.entry else source for source in node.input]
    return result


def _affine(matrix: np.ndarray, shift: np.ndarray) -> list:
    """One scale and shift if all colours share them, else a 1 x 1 convolution."""
    constant, operation = frozen_graph.constant, frozen_graph.operation
    if np.array_equal(matrix, matrix[0, 0] * np.eye(3, dtype=np.float32)) and np.ptp(shift) == 0:
        return [
            constant("prepare/scale", matrix[0, 0]),
            constant("prepare/shift", shift[0]),
            operation("prepare/mul", "Mul", INPUT, "prepare/scale"),
            operation("prepare/add", "Add", "prepare/mul", "prepare/shift"),
        ]
    mixed = operation("prepare/colours", "Conv2D", INPUT, "prepare/weights", strides=[1, 1, 1, 1])
    mixed.attr["padding"].s = b"VALID"
    return [
        constant("prepare/weights", matrix[None, None]),
        constant("prepare/shift", shift),
        mixed,
        operation("prepare/add", "BiasAdd", mixed.name, "prepare/shift"),
    ]


def _end_with_vectors(graph_def: GraphDef, output: str, origin: object) -> GraphDef:
    shape = infer_shapes(graph_def, INPUT)[output][0]
    if shape is None or len(shape) not in (2, 4) or None in shape[1:]:
        shown = "values of any shape" if shape is None else f"[n, {', '.join(map(str, shape[1:]))}]"
        raise UserError(
            f"{origin} gives {shown} at {output}: expected one vector a picture, [n, values], or one for each place in "
            "it, [n, height, width, channels]; name another layer with --bottleneck_layer"
        )
    if len(shape) == 4:
        axes = frozen_graph.constant(f"{OUTPUT}/places", np.array([1, 2], np.int32))
        last = frozen_graph.operation(OUTPUT, "Mean", output, axes.name)
        graph_def.node.extend([axes, last])
    else:
        # The node keeps its own name, in case another part of the graph refers to it.
        graph_def.node.append(frozen_graph.operation(OUTPUT, "Identity", output))
    return graph_def
