"""Makes a graph that was frozen for one picture take a batch of any size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError
from . import constant_parts, frozen_graph, old_ops, pictures_apart
from .frozen_graph import node_of
from .patterns import Known, Op
from .shapes import Misfit, Shape, all_known, infer_shapes
from .wiring import Nodes, Wiring, become_identity, inputs_of, insert, placeholder_sizes, port_of

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

_BRANCHING = {"Switch", "Merge", "Enter", "Exit", "NextIteration"}


@dataclass(frozen=True)
class Lifted:
    """A graph of only the nodes between pictures and scores; the input is a placeholder, [N, height, width, 3]."""

    graph_def: GraphDef
    batched: bool  # N may be any number; if False, it is 1
    why_not: str | None = None  # a few words for the user, such as "its node X reshapes to [64, 1]"


def lift_batch(
    graph_def: GraphDef,
    input_layer: str,
    output_layer: str,
    size: tuple[int, int] | None = None,
    origin: object = "the graph",
    *,
    try_out: bool = True,
) -> Lifted:
    """Takes a graph from `old_ops.modernise`; `size` (height, width) is for inputs that do not state theirs.

    The shapes of everything that depends on the pictures show that no picture affects another. If the graph had to be
    changed, two pictures are also run together and separately to check; `try_out=False` skips that, for callers with
    a single picture, unless a picture becomes several rows on the way, as in transformers.
    """
    entry, output = node_of(input_layer), node_of(output_layer)
    single = _between(graph_def, entry, output, size, origin)
    old_ops.refuse_what_cannot_run(single, origin)
    try:
        shapes = infer_shapes(single, entry, 1)
        given = shapes[output][0]
        if given is not None and len(given) == 1:
            _give_a_row(single, output, given[0])
            shapes = infer_shapes(single, entry, 1)
    except Misfit as error:
        raise UserError(f"{origin} is not a graph that TensorFlow can run: {error}") from None
    many, changed = _loosen(single, entry, shapes, rows=False)
    why_not = pictures_apart.what_mixes(many, entry, output, rows=False)
    if why_not is not None:
        in_rows, _ = _loosen(single, entry, shapes, rows=True)
        if pictures_apart.what_mixes(in_rows, entry, output, rows=True) is None:
            many, changed, try_out, why_not = in_rows, True, True, None
    if why_not is None and changed and try_out:
        why_not = pictures_apart.what_differs(many, entry, output)
    return Lifted(many, True) if why_not is None else Lifted(single, False, why_not)


def _between(graph_def: GraphDef, entry: str, output: str, size: tuple[int, int] | None, origin: object) -> GraphDef:
    """The nodes from `entry`, which becomes a placeholder for one picture, to `output`."""
    wiring = Wiring(graph_def)
    for flag, name in (("output_layer", output), ("input_layer", entry)):
        if name not in wiring.before(output):
            raise UserError(f"{origin} has no node {name} that leads to {output}: correct --{flag}")
    nodes: Nodes = {**wiring.nodes, entry: _placeholder_at(wiring, entry, size)}
    # With conditions, control inputs say which node belongs to which branch. Elsewhere they only order checks.
    branching = any(node.op in _BRANCHING for node in graph_def.node)
    if not branching:
        for name, node in nodes.items():
            nodes[name] = copy = type(node)()
            copy.CopyFrom(node)
            copy.input[:] = inputs_of(node)
    try:
        needed = frozen_graph.leading_to(nodes.values(), output)
    except KeyError as error:
        raise UserError(
            f"{origin} is damaged: it lacks the node {error.args[0]}, which {output} needs; download or create it again"
        ) from None
    result = type(graph_def)(
        node=[node for name, node in nodes.items() if name in needed],
        library=graph_def.library,
        versions=graph_def.versions,
    )
    for node in result.node:
        if node.op == "Placeholder" and node.name != entry:
            raise UserError(
                f"{origin} takes more than pictures: its node {node.name} needs a value too; "
                "freeze the graph with a constant there"
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
    """The shape of a picture after the decoding and resizing before a node."""
    from tensorflow.core.framework.graph_pb2 import GraphDef

    before = wiring.before(name)
    return infer_shapes(GraphDef(node=[node for node in wiring.nodes.values() if node.name in before]))[name][0]


def _give_a_row(single: GraphDef, output: str, values: int | None) -> None:
    """Makes the output [1, values] instead of [values], so that several pictures give several rows."""
    nodes = {node.name: node for node in single.node}
    node = nodes.pop(output)
    node.name = f"{output}/of_one"
    added = [frozen_graph.constant(f"{output}/row", np.array([1, -1 if values is None else values], np.int32))]
    inner, shape = (insert(nodes, each) for each in (node, *added))
    single.node.extend([*added, frozen_graph.operation(output, "Reshape", inner, shape)])


def _loosen(single: GraphDef, entry: str, shapes: dict[str, list[Shape]], rows: bool) -> tuple[GraphDef, bool]:
    """The graph for any batch size instead of 1, and True if more than the input had to change.

    `rows`: a first dimension other than 1 is a number of rows for each picture.
    """
    many = type(single)()
    many.CopyFrom(single)
    nodes = {node.name: node for node in many.node}
    nodes[entry].attr["shape"].shape.dim[0].size = -1
    known = set(nodes)
    changed = False
    varying = Wiring(single).behind(entry)
    for name, node in list(nodes.items()):
        if name not in varying:
            continue
        match Op.at(name, nodes):
            case Op("Reshape" | "QuantizedReshape", [_, Known(wanted), *_]):
                each = _reshaped(wanted, shapes[name][0], rows)
                if each is not None:
                    shape = np.array([-1, *each], wanted.dtype)
                    node.input[1] = insert(nodes, frozen_graph.constant(f"{name}/any_number", shape))
                    changed = True
            case Op("Squeeze", [given]):
                dims = _squeezed(node, shapes[node_of(given.source)][port_of(given.source)])
                if dims is not None and 0 in dims:
                    node.attr["squeeze_dims"].list.i[:] = sorted(set(dims) - {0})
                    if set(dims) == {0}:
                        become_identity(node, given.source)
                    changed = True
            case Op("ConcatV2") if constant_parts.pad_instead(node, nodes, shapes):
                changed = True
    many.node.extend(node for name, node in nodes.items() if name not in known)
    return many, changed


def _reshaped(wanted: np.ndarray, became: Shape, rows: bool) -> list[int] | None:
    """The shape of each picture, or of each of its rows, if their number is written into the wanted shape."""
    if wanted.ndim != 1 or not wanted.size or wanted[0] < 1 or (wanted[0] > 1 and not rows):
        return None
    each = wanted[1:].tolist()
    if -1 not in each:
        return each
    known = all_known(became)
    return None if known is None else list(known[1:])


def _squeezed(node: NodeDef, shape: Shape) -> list[int] | None:
    """The dimensions that a Squeeze removes from one picture."""
    if shape is None:
        return None
    dims = list(node.attr["squeeze_dims"].list.i)
    if dims:
        return [dim % len(shape) for dim in dims]
    return None if None in shape else [dim for dim, size in enumerate(shape) if size == 1]
