"""Finds the weights in a backbone's graph that fine-tuning trains, and replaces them."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...backbones.backbone import Backbone
from ...errors import UserError
from ...graphs import frozen_graph
from ...graphs.frozen_graph import node_of
from ...graphs.wiring import PRODUCTS, Wiring, constant, inputs_of, kind_of

if TYPE_CHECKING:
    from tensorflow.core.framework.node_def_pb2 import NodeDef

_NAMES_SHOWN = 5


@dataclass(frozen=True)
class Weights:
    constant: str  # the node with their values
    read_as: str  # the node that the convolution or product reads: the constant, or one that passes it on
    product: str  # the convolution or product


def weights_of(backbone: Backbone, start: str | None = None) -> list[Weights]:
    """The weights and biases of convolutions and matrix products, in the graph's order.

    With `start`, a node or a scope of nodes, only those from there on. Batch norms' weights are left out, unless they
    have become biases.
    """
    wiring = Wiring(backbone.graph_def)
    in_eight_bits = any(node.op == "Dequantize" for node in wiring.nodes.values())
    found = list(_weights(wiring)) if backbone.learnt and not in_eight_bits else []
    if not found:
        raise UserError(
            f"--fine_tune_steps: {backbone.name} has no learnt weights, or only 8-bit ones, which are too coarse for "
            "fine-tuning: choose another --architecture (quantize_graph and export make weights small afterwards)"
        )
    if start is None:
        return found
    starts = [name for name in wiring.nodes if _is_part_of(name, start)]
    behind = set().union(*(wiring.behind(name) for name in starts))
    chosen = [weights for weights in found if weights.product in behind]
    if not chosen:
        names = {_layer(node) for weights in found for node in (weights.product, weights.constant)}
        nearest = ", ".join(difflib.get_close_matches(start, names, n=_NAMES_SHOWN, cutoff=0))
        what = "there are no weights at or after" if starts else f"{backbone.name} has no layer"
        raise UserError(f"--fine_tune_from={start}: {what} {start}; similar layers with weights: {nearest}")
    return chosen


def with_weights(backbone: Backbone, weights: Mapping[str, np.ndarray]) -> Backbone:
    """The network with new values of these constants, and so with another fingerprint for caches."""
    graph_def = type(backbone.graph_def)()
    graph_def.CopyFrom(backbone.graph_def)
    for node in graph_def.node:
        if node.name in weights:
            node.CopyFrom(frozen_graph.constant(node.name, weights[node.name]))
    fingerprint = hashlib.sha256(graph_def.SerializeToString(deterministic=True)).hexdigest()
    return dataclasses.replace(backbone, graph_def=graph_def, fingerprint=fingerprint)


def _weights(wiring: Wiring) -> Iterator[Weights]:
    for node in wiring.nodes.values():
        if node.op in PRODUCTS:
            bias = _bias(wiring, node.name)
            for source in (inputs_of(node)[1], *([] if bias is None else [bias])):
                known = constant(source, wiring.nodes)
                if known is not None and _is_float(known):
                    yield Weights(known.name, node_of(source), node.name)


def _bias(wiring: Wiring, product: str) -> str | None:
    """The bias added to a product, directly or after a scale."""
    name = product
    while (reader := wiring.only_reader(name)) is not None:
        others = [source for source in inputs_of(reader) if node_of(source) != name]
        if len(others) != 1 or kind_of(reader) in ("Add", "BiasAdd"):
            return others[0] if len(others) == 1 else None
        if reader.op != "Mul":
            return None
        name = reader.name
    return None


def _is_float(node: NodeDef) -> bool:
    import tensorflow as tf

    return node.attr["dtype"].type == tf.float32.as_datatype_enum


def _is_part_of(name: str, wanted: str) -> bool:
    """True if the node is the wanted one or lies in the wanted scope; `wanted` may leave out outer scopes."""
    return f"/{wanted}/" in f"/{name}/"


def _layer(node: str) -> str:
    """The name to show to users: the innermost scope of the node, or the node itself if it is in none."""
    scopes = node.split("/")
    return scopes[-2] if len(scopes) > 1 else node
