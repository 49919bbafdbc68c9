"""Finds where pictures go into a graph and scores come out, from the graph alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..photos.preprocessing import RGB
from . import picture_entry
from .frozen_graph import node_of
from .wiring import Wiring, attribute, constant, inputs_of, kind_of

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

FINAL = "final_result"
INCEPTION_BOTTLENECK = "pool_3/_reshape"

# Operations that pass values on, perhaps with less precision.
_PASSING = {
    "Identity",
    "StopGradient",
    "PlaceholderWithDefault",
    "QuantizeV2",
    "FakeQuantWithMinMaxVars",
    "FakeQuantWithMinMaxArgs",
    "FakeQuantWithMinMaxVarsPerChannel",
}
# What may come between the final layer's product and its scores.
_AFTER_PRODUCT = {
    *_PASSING,
    "Add",
    "Softmax",
    "Sigmoid",
    "BiasAdd",
    "QuantizedBiasAdd",
    "Dequantize",
    "Reshape",
    "Squeeze",
    "Requantize",
    "QuantizeDownAndShrinkRange",
}
# What may follow scores: other forms of them, or their accuracy.
_AFTER_SCORES = {
    "Identity",
    "Reshape",
    "Squeeze",
    "ExpandDims",
    "Cast",
    "QuantizeV2",
    "Dequantize",
    "Min",
    "Max",
    "ArgMax",
    "TopK",
    "TopKV2",
    "InTopK",
    "Equal",
    "Mean",
    "NoOp",
}


@dataclass(frozen=True)
class Interface:
    """How a graph is fed and read; None for what was not found. Layers are names of nodes, without `:0`."""

    input_layer: str | None = None
    input_height: int | None = None
    input_width: int | None = None
    input_mean: float | None = None
    input_std: float | None = None
    output_layer: str | None = None
    bottleneck: str | None = None  # gives the final layer one vector per photo
    outputs: int | None = None  # the number of scores
    channels: str | None = RGB  # None if they could be BGR, too


def find(graph_def: GraphDef, input_layer: str | None = None, output_layer: str | None = None) -> Interface:
    """Takes a graph from `old_ops.modernise`. Layers named by the user are taken as given."""
    wiring = Wiring(graph_def)
    output = _output(wiring) if output_layer is None else node_of(output_layer)
    within = wiring.before(output) if output in wiring.nodes else set(wiring.nodes)
    start = (
        picture_entry.find(wiring, within) if input_layer is None else picture_entry.at(wiring, node_of(input_layer))
    )
    bottleneck, outputs = _final_layer(wiring, output, within)
    return Interface(**(vars(start) if start else {}), output_layer=output, bottleneck=bottleneck, outputs=outputs)


def only_end(graph_def: GraphDef, input_layer: str) -> str | None:
    """The only node behind the input that no other reads; None if there are several."""
    wiring = Wiring(graph_def)
    ends = [name for name in wiring.behind(input_layer) if name not in wiring.readers]
    return ends[0] if len(ends) == 1 else None


def _output(wiring: Wiring) -> str | None:
    """`final_result`, or what remains of it in a wrapped graph, or else the only softmax at the end of the graph."""
    if FINAL in wiring.nodes:
        candidates = [FINAL]
    else:
        candidates = [name for name in wiring.nodes if name.endswith(f"/{FINAL}")] or [
            name for name in wiring.nodes if name.startswith(f"{FINAL}/") and name not in wiring.readers
        ]
    if not candidates:
        softmaxes = [name for name, node in wiring.nodes.items() if node.op == "Softmax"]
        candidates = [name for name in softmaxes if _ends(wiring, name)]
    if len(candidates) != 1:
        return None
    node = wiring.nodes[candidates[0]]
    while node.op == "QuantizeV2":
        node = wiring.nodes[node_of(node.input[0])]
    return node.name


def _ends(wiring: Wiring, name: str) -> bool:
    return all(wiring.nodes[later].op in _AFTER_SCORES for later in wiring.behind(name) - {name})


def _final_layer(wiring: Wiring, output: str | None, within: set[str]) -> tuple[str | None, int | None]:
    """The bottleneck, and the number of scores."""
    product = None if output is None else wiring.nodes.get(output)
    while product is not None and kind_of(product) in _AFTER_PRODUCT:
        product = wiring.nodes.get(node_of(_what_varies(wiring, product)))
    if product is not None and (
        product.op.removeprefix("Quantized") not in ("MatMul", "Conv2D")
        or constant(product.input[0], wiring.nodes) is not None
    ):
        product = None  # not a product, or one with a column per photo instead of a row
    outputs = None if product is None else _columns(wiring, product)
    if INCEPTION_BOTTLENECK in within:
        return INCEPTION_BOTTLENECK, outputs
    if product is None or "Conv2D" in product.op:
        return None, outputs
    fed = wiring.nodes.get(node_of(product.input[0]))
    while fed is not None and fed.op in _PASSING:
        fed = wiring.nodes.get(node_of(fed.input[0]))
    return None if fed is None or fed.op.startswith("Quantize") else fed.name, outputs


def _what_varies(wiring: Wiring, node: NodeDef) -> str:
    """The input that is not constant, if the node is a sum."""
    first, *others = inputs_of(node)
    return others[0] if kind_of(node) == "Add" and constant(first, wiring.nodes) is not None else first


def _columns(wiring: Wiring, product: NodeDef) -> int | None:
    weights = wiring.nodes.get(node_of(product.input[1]))
    while weights is not None and weights.op in {*_PASSING, "Dequantize"}:
        weights = wiring.nodes.get(node_of(weights.input[0]))
    if weights is None or weights.op != "Const":
        return None
    sizes = [dim.size for dim in weights.attr["value"].tensor.tensor_shape.dim]
    return sizes[0 if attribute(product, "transpose_b").b else -1] if sizes else None
