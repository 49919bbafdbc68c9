"""Puts constants beside parts of a picture, such as a transformer's class token, for any number of pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import frozen_graph
from .frozen_graph import node_of
from .patterns import Known, Op
from .shapes import Shape, all_known
from .wiring import Nodes, controls_of, insert, port_of

if TYPE_CHECKING:
    from tensorflow.core.framework.node_def_pb2 import NodeDef


def pad_instead(node: NodeDef, nodes: Nodes, shapes: dict[str, list[Shape]]) -> bool:
    """Rewrites a ConcatV2 of constants for one picture with what depends on it; False if it is none of these.

    The constants' places are padded with zeros, and then the constants are added. That needs no copy for each picture,
    and so no shape that is only known when it runs.
    """
    import tensorflow as tf

    *parts, axis = Op.at(node.name, nodes).inputs
    became = all_known(shapes[node.name][0])
    sizes = [all_known(shapes[node_of(part.source)][port_of(part.source)]) for part in parts]
    constants = [isinstance(part, Known) for part in parts]
    if became is None or None in sizes or not any(constants) or all(constants) or not isinstance(axis, Known):
        return False
    along = int(axis.value) % len(became)
    if along == 0 or became[0] != 1 or node.attr["T"].type != tf.float32.as_datatype_enum:
        return False
    added, start, waiting = np.zeros(became, np.float32), 0, 0
    kept: list[tuple[str, int, int]] = []  # a part, and the zeros before and behind it
    for part, size in zip(parts, sizes, strict=True):
        assert size is not None
        if isinstance(part, Known):
            added[(slice(None),) * along + (slice(start, start + size[along]),)] = part.value
            waiting += size[along]
        else:
            kept.append((part.source, waiting, 0))
            waiting = 0
        start += size[along]
    kept[-1] = (*kept[-1][:2], waiting)
    padded = [_padded(node.name, at, each, (along, len(became)), nodes) for at, each in enumerate(kept)]
    if len(padded) > 1:
        joined = frozen_graph.operation(f"{node.name}/joined", "ConcatV2", *padded, axis.source)
        joined.attr["N"].i = len(padded)
        joined.attr["Tidx"].type = axis.node.attr["dtype"].type
        padded = [insert(nodes, joined)]
    constant = insert(nodes, frozen_graph.constant(f"{node.name}/constants", added))
    controls = controls_of(node)
    node.CopyFrom(frozen_graph.operation(node.name, "Add", padded[0], constant))
    node.input.extend(controls)
    return True


def _padded(name: str, number: int, part: tuple[str, int, int], place: tuple[int, int], nodes: Nodes) -> str:
    source, before, behind = part
    if not before and not behind:
        return source
    along, rank = place
    zeros = np.zeros((rank, 2), np.int32)
    zeros[along] = before, behind
    widths = insert(nodes, frozen_graph.constant(f"{name}/zeros_{number}", zeros))
    made = frozen_graph.operation(f"{name}/padded_{number}", "Pad", source, widths)
    made.attr["Tpaddings"].type = nodes[widths].attr["dtype"].type
    return insert(nodes, made)
