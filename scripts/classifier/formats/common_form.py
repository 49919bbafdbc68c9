"""Brings a network of any format into the common form: a frozen graph from prepared pictures to scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError, in_short
from ..graphs import batch_lifting, colour_order, folding, freezing, frozen_graph, inlining
from ..graphs.frozen_graph import node_of
from ..photos import category_names
from ..photos.preprocessing import BGR, RGB, Preprocessing
from ..training.retrained_graph import SCORES
from .contents import Contents

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.core.framework.graph_pb2 import GraphDef

INPUT = "input"


@dataclass(frozen=True)
class Network:
    """A network that TensorFlow runs, as it was found in a file."""

    path: Path
    run: Callable[[tf.Tensor], list[tf.Tensor]]  # prepared pictures -> scores, and bottlenecks if it gives them
    take: Preprocessing
    record: dict | None
    unknown: bytes | None


def contents(network: Network, labels: tuple[str, ...], named: dict[str, str] | None) -> Contents:
    """`named` maps the labels to their names, if they have any. The graph takes RGB."""
    take, size = network.take, (network.take.input_height, network.take.input_width)
    graph_def, entry, outputs = _frozen(network)
    graph_def = inlining.inline(graph_def)
    scores, *bottlenecks = (folding.handed_on(graph_def, each) for each in outputs)
    single = freezing.simplified(graph_def, entry, scores, size, network.path)
    lifted = batch_lifting.lift_batch(single, entry, scores, size, network.path)
    folded = folding.fold_scales_into_convolutions(folding.fold_constants(lifted.graph_def, scores))
    names = {entry: INPUT, scores: SCORES}
    graph_def = frozen_graph.strip_to_tensorflow_1(_renamed(folded, names), kept=frozen_graph.AXES)
    if take.channels == BGR:
        graph_def = colour_order.turned_round(graph_def, INPUT)
    kept = {node.name for node in graph_def.node}
    return Contents(
        graph_def,
        replace(take, input_layer=INPUT, output_layer=SCORES, channels=RGB),
        next((each for each in bottlenecks if each in kept), None),
        labels,
        category_names.recorded(network.record, named),
        network.unknown,
    )


def _frozen(network: Network) -> tuple[GraphDef, str, list[str]]:
    import tensorflow as tf

    try:
        return freezing.of_function(network.run, network.take.input_height, network.take.input_width)
    except (ValueError, TypeError, tf.errors.OpError) as error:
        raise UserError(f"{network.path} cannot become a frozen graph: {in_short(error)}") from None


def _renamed(graph_def: GraphDef, names: dict[str, str]) -> GraphDef:
    """The graph with new names for these nodes; nodes that had the new names already get others."""
    taken = {name: f"network/{name}" for name in names.values() if name not in names}
    names = {**taken, **names}
    for node in graph_def.node:
        node.name = names.get(node.name, node.name)
        for at, source in enumerate(node.input):
            if node_of(source) in names:
                node.input[at] = source.replace(node_of(source), names[node_of(source)], 1)
    return graph_def
