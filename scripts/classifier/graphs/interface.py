"""Finds out from a graph alone where pictures go in and scores come out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .frozen_graph import node_of
from .wiring import Wiring, attribute, constant, inputs_of, placeholder_sizes, value

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

FINAL = "final_result"
INCEPTION_BOTTLENECK = "pool_3/_reshape"

# What pixels become for inputs of these names: mean, std, and the size where the name tells that too. TensorFlow for
# Poets' MobileNets take `input`, its Inception `Mul`, and hub's retrain.py wrote `Placeholder`.
_KNOWN_INPUTS = {"input": (128.0, 128.0, None), "Mul": (128.0, 128.0, 299), "Placeholder": (0.0, 255.0, None)}

# What else a graph may take that normalises by itself: the least and the most of it, and pixels' mean and std then.
_RANGES = {(0.0, 255.0): (0.0, 1.0), (0.0, 1.0): (0.0, 255.0), (-1.0, 1.0): (128.0, 128.0)}
_NORMALISED = ((-1.0, 1.0), (0.0, 1.0))

_DECODERS = ("DecodeJpeg", "DecodePng", "DecodeImage", "DecodeBmp", "DecodeGif")
_RESIZERS = ("ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic", "ResizeArea")
_SUMS = ("Add", "AddV2")
# What gives the values that it takes, up to their precision.
_PASSING = {
    "Identity",
    "StopGradient",
    "PlaceholderWithDefault",
    "QuantizeV2",
    "FakeQuantWithMinMaxVars",
    "FakeQuantWithMinMaxArgs",
    "FakeQuantWithMinMaxVarsPerChannel",
}
_PRODUCTS = ("MatMul", "QuantizedMatMul", "Conv2D", "QuantizedConv2D")
# What may stand between the final layer's product and its scores.
_AFTER_PRODUCT = {
    *_PASSING,
    *_SUMS,
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
# What may stand behind scores: other forms of them, or how right they are.
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
    """How a graph is fed and read; None: cannot be found. Layers are names of nodes, without `:0`."""

    input_layer: str | None = None
    input_height: int | None = None
    input_width: int | None = None
    input_mean: float | None = None
    input_std: float | None = None
    output_layer: str | None = None
    bottleneck: str | None = None  # gives one vector a photo, which the final layer takes
    outputs: int | None = None  # the number of scores


@dataclass(frozen=True)
class _Entry:
    input_layer: str
    input_height: int | None = None
    input_width: int | None = None
    input_mean: float | None = None
    input_std: float | None = None


@dataclass(frozen=True)
class _Way:
    """What becomes of pixels on the way to the node `at`: scale * pixel + shift, brought to `size`."""

    at: str
    size: tuple[int, int] | None  # height, width
    batched: bool  # whether it is [N, height, width, 3]
    scale: float = 1.0
    shift: float = 0.0


def find(graph_def: GraphDef, input_layer: str | None = None, output_layer: str | None = None) -> Interface:
    """Of a graph as `old_ops.modernise` gives it. Layers that the user named are looked at as they are."""
    wiring = Wiring(graph_def)
    output = _output(wiring) if output_layer is None else node_of(output_layer)
    within = wiring.before(output) if output in wiring.nodes else set(wiring.nodes)
    entry = _entry(wiring, within) if input_layer is None else _entry_at(wiring, node_of(input_layer))
    bottleneck, outputs = _final_layer(wiring, output, within)
    return Interface(**(vars(entry) if entry else {}), output_layer=output, bottleneck=bottleneck, outputs=outputs)


def _output(wiring: Wiring) -> str | None:
    """`final_result`, what is left of it where it was wrapped, or the only softmax that ends a graph."""
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


def _entry(wiring: Wiring, within: set[str]) -> _Entry | None:
    """Where pictures go in, if there is one such place only."""
    nodes = [node for name, node in wiring.nodes.items() if name in within]
    placeholders = [node for node in nodes if node.op == "Placeholder" and _may_be_pictures(node)]
    certain = [node for node in placeholders if placeholder_sizes(node)]
    starts = [*(certain or placeholders), *(node for node in nodes if node.op in _DECODERS)]
    return _entry_at(wiring, starts[0].name) if len(starts) == 1 else None


def _may_be_pictures(node: NodeDef) -> bool:
    sizes = placeholder_sizes(node)
    if _is_of(node, "uint8", "int32"):
        return len(sizes) in (3, 4) and sizes[-1] in (-1, 3)
    return _is_of(node, "float32", "half") and (not sizes or (len(sizes) == 4 and sizes[3] in (-1, 3)))


def _is_of(node: NodeDef, *kinds: str) -> bool:
    import tensorflow as tf

    return attribute(node, "dtype").type in [tf.as_dtype(kind).as_datatype_enum for kind in kinds]


def _entry_at(wiring: Wiring, name: str) -> _Entry | None:
    """The node itself if it takes prepared pictures, else the one where those are ready whose preparing starts there.

    All that comes before that one can be left out.
    """
    node = wiring.nodes.get(name)
    if node is None:
        return _Entry(name)
    sizes = placeholder_sizes(node)
    fixed = len(sizes) in (3, 4) and min(sizes[-3:-1]) > 0
    start = _Way(name, (sizes[-3], sizes[-2]) if fixed else None, batched=len(sizes) == 4)
    ready = _walk(wiring, start)
    if node.op in _DECODERS or _is_of(node, "string", "uint8", "int32"):
        if ready.size is None or not ready.batched or ready.scale == 0:
            return None
        # scale * pixel + shift is (pixel - mean) / std.
        return _Entry(ready.at, *ready.size, _plain(-ready.shift / ready.scale), _plain(1 / ready.scale))
    mean, std, known_size = _KNOWN_INPUTS.get(name.rpartition("/")[2], (None, None, None))
    fitting = [taken for ends, taken in _RANGES.items() if _is_normalised(ready, ends)]
    if (ready.scale, ready.shift) != (1, 0) and len(fitting) == 1:
        mean, std = fitting[0]
    return _Entry(name, *(start.size or ready.size or (known_size, known_size)), mean, std)


def _is_normalised(way: _Way, ends: tuple[float, float]) -> bool:
    became = [way.scale * end + way.shift for end in ends]
    return any(np.allclose(became, wanted, atol=0.05) for wanted in _NORMALISED)


def _walk(wiring: Wiring, way: _Way) -> _Way:
    """As far as one node alone reads the other, and each does nothing but prepare pictures."""
    while len(readers := wiring.readers.get(way.at, [])) == 1:
        further = _step(wiring, way, readers[0])
        if further is None:
            break
        way = further
    return way


def _step(wiring: Wiring, way: _Way, node: NodeDef) -> _Way | None:
    """What `node` makes of it; None if that is no preparing of pictures."""
    if node.op in ("Cast", "Identity", *_DECODERS):
        return replace(way, at=node.name)
    if node.op == "ExpandDims":
        return replace(way, at=node.name, batched=True)
    sources = inputs_of(node)
    other = next((value(source, wiring.nodes) for source in sources if node_of(source) != way.at), None)
    if other is not None and node.op in _RESIZERS and other.shape == (2,):
        return replace(way, at=node.name, size=(int(other[0]), int(other[1])), batched=True)
    if other is None or other.size != 1:
        return None
    number, first = float(other.reshape(())), node_of(sources[0]) == way.at
    if node.op in _SUMS:
        return replace(way, at=node.name, shift=way.shift + number)
    if node.op == "Sub" and first:
        return replace(way, at=node.name, shift=way.shift - number)
    if node.op == "Mul":
        return replace(way, at=node.name, scale=way.scale * number, shift=way.shift * number)
    if node.op in ("RealDiv", "Div") and first and number != 0:
        return replace(way, at=node.name, scale=way.scale / number, shift=way.shift / number)
    return None


def _plain(number: float) -> float:
    """128.0 for the 127.99999 that single precision makes of it."""
    return round(number, 4) + 0.0


def _final_layer(wiring: Wiring, output: str | None, within: set[str]) -> tuple[str | None, int | None]:
    """The bottleneck, and the number of scores."""
    product = wiring.nodes.get(output)
    while product is not None and product.op in _AFTER_PRODUCT:
        product = wiring.nodes.get(node_of(_what_varies(wiring, product)))
    if product is not None and (product.op not in _PRODUCTS or constant(product.input[0], wiring.nodes) is not None):
        product = None  # or a column instead of a row for each photo
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
    """Of a sum, what is not the constant."""
    first, *others = inputs_of(node)
    return others[0] if node.op in _SUMS and constant(first, wiring.nodes) is not None else first


def _columns(wiring: Wiring, product: NodeDef) -> int | None:
    weights = wiring.nodes.get(node_of(product.input[1]))
    while weights is not None and weights.op in {*_PASSING, "Dequantize"}:
        weights = wiring.nodes.get(node_of(weights.input[0]))
    if weights is None or weights.op != "Const":
        return None
    sizes = [dim.size for dim in weights.attr["value"].tensor.tensor_shape.dim]
    return sizes[0 if attribute(product, "transpose_b").b else -1] if sizes else None
