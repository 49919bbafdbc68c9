"""Lets a graph that was frozen for one picture take any number of pictures at once."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError
from . import frozen_graph, old_ops
from .frozen_graph import node_of
from .shapes import Misfit, Shape, infer_shapes
from .wiring import Nodes, Wiring, become_identity, inputs_of, insert, placeholder_sizes, port_of, value

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

# A number of pictures that no other size in a graph is: where it is found, it is the number of pictures.
_MANY = 9973

_RESHAPES = ("Reshape", "QuantizedReshape")
# What is worked out from shapes is the same for any picture.
_OF_SHAPES_ONLY = ("Shape", "ShapeN", "Size", "Rank")
# Here each value of the first input meets all of the second.
_PRODUCTS = ("MatMul", "QuantizedMatMul", "Conv2D", "QuantizedConv2D", "DepthwiseConv2dNative")
_EIGHT_BIT = {
    "QuantizeV2",
    "Requantize",
    "QuantizedConv2D",
    "QuantizedMatMul",
    "QuantizedBiasAdd",
    "QuantizedRelu",
    "QuantizedRelu6",
    "QuantizedMaxPool",
    "QuantizedAvgPool",
    "QuantizedReshape",
    "QuantizedConcat",
    "QuantizedAdd",
    "QuantizedMul",
    "QuantizedBatchNormWithGlobalNormalization",
}
_BRANCHING = {"Switch", "Merge", "Enter", "Exit", "NextIteration"}


@dataclass(frozen=True)
class Lifted:
    """What leads from pictures to scores, and nothing else; the input is a placeholder, [N, height, width, 3]."""

    graph_def: GraphDef
    batched: bool  # whether N is any number; else it is 1
    why_not: str | None = None  # in a few words for the user, as in "its node X reshapes to [64, 1]"


def lift_batch(
    graph_def: GraphDef,
    input_layer: str,
    output_layer: str,
    size: tuple[int, int] | None = None,
    origin: object = "the graph",
    *,
    try_out: bool = True,
) -> Lifted:
    """Of a graph as `old_ops.modernise` gives it; `size` (height, width) is for inputs that do not tell theirs.

    That pictures are kept apart is shown from the shapes of all that varies with the pictures. Where something was
    changed to get there, two pictures are also run together and alone; `try_out=False` leaves that out, for those
    who have one picture only.
    """
    entry, output = node_of(input_layer), node_of(output_layer)
    single = _between(graph_def, entry, output, size, origin)
    old_ops.refuse_what_cannot_run(single, origin)
    try:
        shapes = infer_shapes(single, entry, 1)
        if shapes[output][0] is not None and len(shapes[output][0]) == 1:
            _give_a_row(single, output, shapes[output][0][0])
            shapes = infer_shapes(single, entry, 1)
    except Misfit as error:
        raise UserError(f"{origin} is not a graph that TensorFlow can run: {error}") from None
    many, changed = _loosen(single, entry, shapes)
    why_not = _what_mixes(many, entry, output)
    if why_not is None and changed and try_out:
        why_not = _what_differs(many, entry, output)
    return Lifted(many, True) if why_not is None else Lifted(single, False, why_not)


def _between(graph_def: GraphDef, entry: str, output: str, size: tuple[int, int] | None, origin: object) -> GraphDef:
    """What leads from `entry`, from now on a placeholder for one picture, to `output`."""
    wiring = Wiring(graph_def)
    for flag, name in (("output_layer", output), ("input_layer", entry)):
        if name not in wiring.before(output):
            raise UserError(f"{origin}: no node {name} leads to {output}: give the right --{flag}")
    nodes: Nodes = {**wiring.nodes, entry: _placeholder_at(wiring, entry, size)}
    # Where a condition decides what runs, control inputs say what belongs to which branch. Elsewhere they only say
    # what is to be checked before.
    branching = any(node.op in _BRANCHING for node in graph_def.node)
    needed, waiting = set(), [output]
    while waiting:
        name = waiting.pop()
        if name not in nodes:
            raise UserError(f"{origin} is damaged: it has no node {name}, which leads to {output}; get it anew")
        if name not in needed:
            needed.add(name)
            waiting += [node_of(source) for source in (nodes[name].input if branching else inputs_of(nodes[name]))]
    result = type(graph_def)(
        node=[node for name, node in nodes.items() if name in needed],
        library=graph_def.library,
        versions=graph_def.versions,
    )
    for node in result.node:
        if not branching:
            sources = inputs_of(node)
            del node.input[:]
            node.input.extend(sources)
        if node.op == "Placeholder" and node.name != entry:
            raise UserError(
                f"{origin} takes more than pictures: its node {node.name} wants a value too; "
                "freeze the graph with a constant in its place"
            )
    return result


def _placeholder_at(wiring: Wiring, entry: str, size: tuple[int, int] | None) -> NodeDef:
    node = wiring.nodes[entry]
    sizes = placeholder_sizes(node) if node.op == "Placeholder" else _shape_of_one(wiring, entry)
    own = [size if size is not None and size > 0 else None for size in (sizes or ())[1:3]] or [None, None]
    height, width = (ours or given for ours, given in zip(own, size or (None, None), strict=True))
    result = frozen_graph.placeholder(entry, [1, height, width, 3])
    if node.op == "Placeholder":
        result.attr["dtype"].type = node.attr["dtype"].type
    return result


def _shape_of_one(wiring: Wiring, name: str) -> Shape:
    """What the decoding and resizing before a node makes of a picture."""
    from tensorflow.core.framework.graph_pb2 import GraphDef

    before = wiring.before(name)
    return infer_shapes(GraphDef(node=[node for node in wiring.nodes.values() if node.name in before]))[name][0]


def _give_a_row(single: GraphDef, output: str, values: int | None) -> None:
    """[1, values] for the picture instead of [values], so that there are rows where there are several."""
    nodes = {node.name: node for node in single.node}
    node = nodes.pop(output)
    node.name = f"{output}/of_one"
    added = [frozen_graph.constant(f"{output}/row", np.array([1, -1 if values is None else values], np.int32))]
    inner, shape = (insert(nodes, each) for each in (node, *added))
    single.node.extend([*added, frozen_graph.operation(output, "Reshape", inner, shape)])


def _loosen(single: GraphDef, entry: str, shapes: dict[str, list[Shape]]) -> tuple[GraphDef, bool]:
    """With any number where one picture was written into it, and whether that was more than the input."""
    many = type(single)()
    many.CopyFrom(single)
    nodes = {node.name: node for node in many.node}
    nodes[entry].attr["shape"].shape.dim[0].size = -1
    known = set(nodes)
    changed = False
    for name in Wiring(single).behind(entry):
        node = nodes[name]
        if node.op in _RESHAPES:
            wanted = value(node.input[1], nodes)
            each = _reshaped(wanted, shapes[name][0])
            if each is not None:
                shape = np.array([-1, *each], wanted.dtype)
                node.input[1] = insert(nodes, frozen_graph.constant(f"{name}/any_number", shape))
                changed = True
        elif node.op == "Squeeze":
            dims = _squeezed(node, shapes[node_of(node.input[0])][port_of(node.input[0])])
            if dims is not None and 0 in dims:
                node.attr["squeeze_dims"].list.i[:] = sorted(set(dims) - {0})
                if set(dims) == {0}:
                    become_identity(node, node.input[0])
                changed = True
    many.node.extend(node for name, node in nodes.items() if name not in known)
    return many, changed


def _reshaped(wanted: np.ndarray | None, became: Shape) -> list[int] | None:
    """What each picture is reshaped to, where one picture is written into the shape."""
    if wanted is None or wanted.ndim != 1 or not wanted.size or wanted[0] != 1:
        return None
    each = wanted[1:].tolist()
    if -1 not in each:
        return each
    return None if became is None or None in became else list(became[1:])


def _squeezed(node: NodeDef, shape: Shape) -> list[int] | None:
    """The dimensions that a Squeeze leaves out of one picture."""
    if shape is None:
        return None
    dims = list(node.attr["squeeze_dims"].list.i)
    if dims:
        return [dim % len(shape) for dim in dims]
    return None if None in shape else [dim for dim, size in enumerate(shape) if size == 1]


def _what_mixes(many: GraphDef, entry: str, output: str) -> str | None:
    """The first node that does not keep pictures apart, in words; None if there is none."""
    wiring = Wiring(many)
    try:
        shapes = infer_shapes(many, entry, _MANY)
    except Misfit as error:
        named = re.search(r"\{\{node ([^}]+)\}\}", str(error))
        culprit = wiring.nodes.get(named[1]) if named else None
        return "its shapes do not fit" if culprit is None else _words(wiring, culprit)
    read = {(node_of(source), port_of(source)) for node in many.node for source in inputs_of(node)} | {(output, 0)}
    varying = {(entry, 0)}
    for name, became in shapes.items():
        node = wiring.nodes[name]
        sources = [(node_of(source), port_of(source)) for source in inputs_of(node)]
        if node.op in _OF_SHAPES_ONLY or varying.isdisjoint(sources):
            continue
        # Of what is in eight bits the other outputs are the range, which comes from ranges.
        ports = [0] if node.op in _EIGHT_BIT else range(len(became))
        results = {(name, port): became[port] for port in ports if (name, port) in read}
        varying.update(results)
        kept_apart = all(shape is not None and shape[:1] == (_MANY,) for shape in results.values())
        if node.op in _RESHAPES:
            given = shapes[sources[0][0]][sources[0][1]]
            kept_apart = kept_apart and _values_a_picture(given) == _values_a_picture(became[0])
        elif node.op in _PRODUCTS:
            kept_apart = kept_apart and sources[1] not in varying
        elif node.op.startswith("FusedBatchNorm"):
            kept_apart = kept_apart and "is_training" in node.attr and not node.attr["is_training"].b
        if not kept_apart:
            return _words(wiring, node)
    return None


def _values_a_picture(shape: Shape) -> int | None:
    return None if shape is None or None in shape else math.prod(shape[1:])


def _words(wiring: Wiring, node: NodeDef) -> str:
    if node.op in _RESHAPES:
        wanted = value(node.input[1], wiring.nodes)
        if wanted is not None:
            return f"its node {node.name} reshapes to {wanted.tolist()}"
    return f"its node {node.name} ({node.op}) is made for one picture"


def _what_differs(many: GraphDef, entry: str, output: str) -> str | None:
    """Why two pictures at once are not the same as each alone; None if they are."""
    import tensorflow as tf

    nodes = {node.name: node for node in many.node}
    # A softmax may hide differences: what it takes is looked at as well.
    wanted = [f"{node_of(name)}:0" for name in (output, *nodes[output].input[:1])]
    sizes = placeholder_sizes(nodes[entry])
    if min(sizes[1:3]) <= 0:
        return "it does not say what size of pictures it takes"
    random = np.random.default_rng(0)
    pictures = random.uniform(-0.6, 0.6, (2, 1, 1, 3)) + random.uniform(-0.4, 0.4, (2, *sizes[1:]))
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True  # takes longer than so few runs
    with tf.Graph().as_default(), tf.compat.v1.Session(config=config) as session:
        start, *ends = tf.graph_util.import_graph_def(many, name="", return_elements=[f"{entry}:0", *wanted])
        ends = [end for end in ends if end.dtype.is_floating]
        if start.dtype.is_integer:
            pictures = pictures * 127 + 128
        pictures = pictures.astype(start.dtype.as_numpy_dtype)
        try:
            together = session.run(ends, {start: pictures})
            alone = [session.run(ends, {start: pictures[at : at + 1]}) for at in range(2)]
        except (tf.errors.InvalidArgumentError, tf.errors.NotFoundError, tf.errors.UnimplementedError):
            return "two pictures at once cannot be run through it"
    for both, *each in zip(together, *alone, strict=True):
        if both.shape[0] != 2 or not np.allclose(both, np.concatenate(each), rtol=1e-3, atol=1e-3):
            return "two pictures at once get other scores than each alone"
    return None
