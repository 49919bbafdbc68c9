"""Graphs as TensorFlow wrote them from 2015 to 2018, built node by node, because today's version writes different ones.

The classifiers tell conftest's blue, green and red blots apart: their weights carry the mean of each colour through
to the final layer. They have LABELS unless stated otherwise.
"""

import io
import tarfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.support.workplace import draw_shape

LABELS = ("blue", "green", "red")
_CHANNEL = {"red": 0, "green": 1, "blue": 2}
SIZE = 64


class OldGraph:
    """Adds nodes one after another; each method returns the name of its node."""

    def __init__(self, producer: int):
        self.graph_def = tf.compat.v1.GraphDef()
        self.graph_def.versions.producer = producer

    def add(self, name: str, op: str, *inputs: str, **attributes) -> str:
        node = self.graph_def.node.add(name=name, op=op, input=inputs)
        for key, given in attributes.items():
            value = node.attr[key]
            if isinstance(given, bool):
                value.b = given
            elif isinstance(given, int):
                value.i = given
            elif isinstance(given, float):
                value.f = given
            elif isinstance(given, str):
                value.s = given.encode()
            elif isinstance(given, tf.DType):
                value.type = given.as_datatype_enum
            elif isinstance(given, tf.TensorShape):
                value.shape.CopyFrom(given.as_proto())
            else:
                value.list.i.extend(given)
        return name

    def on_floats(self, name: str, op: str, *inputs: str, **attributes) -> str:
        return self.add(name, op, *inputs, **{"T": tf.float32, **attributes})

    def constant(self, name: str, values, kind=np.float32) -> str:
        node = self.graph_def.node.add(name=name, op="Const")
        proto = tf.make_tensor_proto(values if isinstance(values, bytes) else np.asarray(values, kind))
        node.attr["dtype"].type = proto.dtype
        node.attr["value"].tensor.CopyFrom(proto)
        return name

    def placeholder(self, name: str, shape: list | None, kind: tf.DType = tf.float32) -> str:
        known = {} if shape is None else {"shape": tf.TensorShape(shape)}
        return self.add(name, "Placeholder", dtype=kind, **known)

    def default(self, name: str, source: str, shape: list) -> str:
        return self.add(name, "PlaceholderWithDefault", source, dtype=tf.float32, shape=tf.TensorShape(shape))

    def variable(self, name: str, values) -> str:
        """A variable, as freezing leaves it."""
        self.constant(name, values)
        return self.on_floats(f"{name}/read", "Identity", name)

    def conv(self, name: str, x: str, weights: str, stride: int = 1, padding: str = "SAME") -> str:
        return self.on_floats(
            name, "Conv2D", x, weights, strides=[1, stride, stride, 1], padding=padding, use_cudnn_on_gpu=True
        )

    def pool(self, op: str, name: str, x: str, width: int, stride: int, padding: str = "VALID") -> str:
        window = {"ksize": [1, width, width, 1], "strides": [1, stride, stride, 1], "padding": padding}
        return self.on_floats(name, op, x, **window)

    def decoded_jpeg(self, size: int = 299) -> str:
        """The head of the Inception of 2015: from a JPEG's bytes to `Mul`, pixels as (x - 128) / 128."""
        file = io.BytesIO()
        draw_shape("green", 7).save(file, "JPEG")
        self.constant("DecodeJpeg/contents", file.getvalue())
        self.add("DecodeJpeg", "DecodeJpeg", "DecodeJpeg/contents", channels=3)
        self.add("Cast", "Cast", "DecodeJpeg", SrcT=tf.uint8, DstT=tf.float32)
        self.constant("ExpandDims/dim", 0, np.int32)
        self.on_floats("ExpandDims", "ExpandDims", "Cast", "ExpandDims/dim")
        self.constant("ResizeBilinear/size", [size, size], np.int32)
        self.on_floats("ResizeBilinear", "ResizeBilinear", "ExpandDims", "ResizeBilinear/size")
        self.constant("Sub/y", 128)
        self.on_floats("Sub", "Sub", "ResizeBilinear", "Sub/y")
        self.constant("Mul/y", 1 / 128)
        return self.on_floats("Mul", "Mul", "Sub", "Mul/y")

    def old_norm(self, name: str, x: str, scaled: bool, **parts) -> str:
        for part in ("beta", "gamma", "moving_mean", "moving_variance"):
            self.constant(f"{name}/{part}", parts[part])
        inputs = [f"{name}/{part}" for part in ("moving_mean", "moving_variance", "beta", "gamma")]
        return self.on_floats(
            name,
            "BatchNormWithGlobalNormalization",
            x,
            *inputs,
            variance_epsilon=0.001,
            scale_after_normalization=scaled,
        )

    def checked(self, name: str, x: str) -> str:
        """The checks for NaN and infinity between nodes in the Inception of 2015."""
        self.on_floats(f"{name}/CheckNumerics", "CheckNumerics", x, message="not a number")
        return self.on_floats(f"{name}/control_dependency", "Identity", x, f"^{name}/CheckNumerics")

    def joined(self, name: str, *parts: str) -> str:
        """A Concat from before ConcatV2: the dimension comes first."""
        self.constant(f"{name}/concat_dim", 3, np.int32)
        return self.on_floats(name, "Concat", f"{name}/concat_dim", *parts, N=len(parts))

    def final_layer(self, x: str, weights: np.ndarray, name: str = "final_result", scope="final_training_ops") -> str:
        """From the bottleneck to scores, as retrain.py named it."""
        weights_read = self.variable(f"{scope}/weights/final_weights", weights)
        biases = self.variable(f"{scope}/biases/final_biases", np.zeros(weights.shape[1]))
        product = self.on_floats(
            f"{scope}/Wx_plus_b/MatMul", "MatMul", x, weights_read, transpose_a=False, transpose_b=False
        )
        return self.on_floats(name, "Softmax", self.on_floats(f"{scope}/Wx_plus_b/add", "Add", product, biases))


def write(folder: Path, graph_def, labels: tuple[str, ...] = LABELS) -> Path:
    """Writes the labels beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "retrained_labels.txt").write_text("".join(f"{label}\n" for label in labels))
    (folder / "retrained_graph.pb").write_bytes(graph_def.SerializeToString())
    return folder / "retrained_graph.pb"


def colours(width: int, channels: int) -> np.ndarray:
    """[width, width, 3, channels]: each channel is the local mean of one colour."""
    return np.tile(np.eye(3)[np.arange(channels) % 3].T / width**2, (width, width, 1, 1))


def preferences(channels: int, strength: float = 40.0) -> np.ndarray:
    """[channels, labels]: positive for a label's colour, negative for the others."""
    colour = np.arange(channels) % 3
    own = np.stack([colour == _CHANNEL[label] for label in LABELS], 1)
    return strength * 3 / channels * np.where(own, 1.0, -0.5)


def ancestor(producer: int = 8, scaled: bool = True) -> tf.compat.v1.GraphDef:
    """As written by the retrain.py of 2016: `DecodeJpeg/contents` or `Mul` to final_result, on a small Inception."""
    graph = OldGraph(producer)
    x = graph.decoded_jpeg()
    x = _old_conv(graph, "conv", x, colours(3, 6), scaled, stride=2)
    x = graph.pool("MaxPool", "pool", graph.checked("pool", x), 3, 4)
    towers = [
        _old_conv(graph, f"mixed/{tower}", x, np.eye(6)[None, None, :, :count], scaled)
        for tower, count in (("conv", 6), ("tower/conv", 3))
    ]
    x = graph.joined("mixed/join", *towers)
    x = graph.pool("AvgPool", "pool_3", x, 37, 37)
    graph.constant("pool_3/_reshape/shape", [1, 9], np.int32)
    x = graph.on_floats("pool_3/_reshape", "Reshape", x, "pool_3/_reshape/shape")
    x = graph.default("input/BottleneckInputPlaceholder", x, [None, 9])
    graph.final_layer(x, preferences(9))
    return graph.graph_def


def _old_conv(graph: OldGraph, name: str, x: str, weights: np.ndarray, scaled: bool, stride: int = 1) -> str:
    channels = weights.shape[3]
    graph.constant(f"{name}/conv2d_params", weights)
    x = graph.conv(f"{name}/Conv2D", x, f"{name}/conv2d_params", stride, "VALID")
    x = graph.old_norm(
        f"{name}/batchnorm",
        x,
        scaled,
        beta=np.full(channels, 2.0),
        gamma=np.linspace(1.1, 1.3, channels),
        moving_mean=np.linspace(-0.1, 0.1, channels),
        moving_variance=np.linspace(0.7, 0.8, channels),
    )
    return graph.on_floats(name, "Relu", graph.checked(name, x))


def poets_mobilenet(batch: int | None = 1, shape: list | None = None, defaults: bool = True):
    """As written by TensorFlow for Poets on a MobileNet: `input`, and a Reshape to one picture's values."""
    graph = OldGraph(22)
    x = graph.placeholder("input", [batch, SIZE, SIZE, 3] if shape is None else shape)
    x = _mobilenet(graph, x, "MobilenetV1")
    x = graph.on_floats("MobilenetV1/Logits/SpatialSqueeze", "Squeeze", x, squeeze_dims=[1, 2])
    graph.constant("MobilenetV1/Predictions/Reshape/shape", [1, 6], np.int32)
    x = graph.add(
        "MobilenetV1/Predictions/Reshape",
        "Reshape",
        x,
        "MobilenetV1/Predictions/Reshape/shape",
        T=tf.float32,
        Tshape=tf.int32,
    )
    if defaults:
        x = graph.default("input_1/BottleneckInputPlaceholder", x, [None, 6])
    graph.final_layer(x, preferences(6))
    return graph.graph_def


def _mobilenet(graph: OldGraph, x: str, scope: str) -> str:
    """[N, 1, 1, 6] from [N, SIZE, SIZE, 3]: one layer of a MobileNet, and its pooling."""
    weights = graph.variable(f"{scope}/Conv2d_0/weights", colours(3, 6))
    x = graph.conv(f"{scope}/{scope}/Conv2d_0/convolution", x, weights, 2)
    norm = [
        graph.variable(f"{scope}/Conv2d_0/BatchNorm/{part}", np.full(6, value))
        for part, value in (("gamma", 1.2), ("beta", 3.0), ("moving_mean", 0.1), ("moving_variance", 0.9))
    ]
    x = graph.on_floats(
        f"{scope}/{scope}/Conv2d_0/BatchNorm/FusedBatchNorm",
        "FusedBatchNorm",
        x,
        *norm,
        epsilon=0.001,
        data_format="NHWC",
        is_training=False,
    )
    x = graph.on_floats(f"{scope}/{scope}/Conv2d_0/Relu6", "Relu6", x)
    return graph.pool("AvgPool", f"{scope}/Logits/AvgPool_1a/AvgPool", x, SIZE // 2, 2)


def hub(keep_prob: str = "placeholder", dropout: str = "floor") -> tf.compat.v1.GraphDef:
    """As written by hub's retrain.py: `Placeholder`, pixels in 0..1, with a dropout left in.

    keep_prob is a `constant`, a `placeholder` or a `default`; dropout is written with a `floor`, as in 2017, with
    a comparison (`rate`), as from 2019 on, or as a `branch` taken if the placeholder is_training is fed true.
    """
    graph = OldGraph(26)
    x = graph.placeholder("Placeholder", [None, SIZE, SIZE, 3])
    scope = "module_apply_default/"
    graph.constant(f"{scope}hub_input/Mul/y", 2.0)
    x = graph.on_floats(f"{scope}hub_input/Mul", "Mul", x, f"{scope}hub_input/Mul/y")
    graph.constant(f"{scope}hub_input/Sub/y", 1.0)
    x = graph.on_floats(f"{scope}hub_input/Sub", "Sub", x, f"{scope}hub_input/Sub/y")
    x = _mobilenet(graph, x, "MobilenetV1")
    write_dropout = {"floor": _floor_dropout, "rate": _rate_dropout, "branch": _dropout_in_a_branch}[dropout]
    x = write_dropout(graph, x, keep_prob)
    x = graph.on_floats(f"{scope}MobilenetV1/Logits/SpatialSqueeze", "Squeeze", x, squeeze_dims=[1, 2])
    graph.final_layer(
        graph.default("input/BottleneckInputPlaceholder", x, [None, 6]), preferences(6), scope="final_retrain_ops"
    )
    return graph.graph_def


def _share(graph: OldGraph, name: str, kind: str, share: float) -> str:
    if kind == "constant":
        return graph.constant(name, share)
    if kind == "placeholder":
        return graph.placeholder(name, None)
    graph.constant(f"{name}/input", share)
    return graph.default(name, f"{name}/input", [])


def _random(graph: OldGraph, x: str) -> str:
    graph.on_floats("dropout/Shape", "Shape", x, out_type=tf.int32)
    graph.add("dropout/RandomUniform", "RandomUniform", "dropout/Shape", T=tf.int32, dtype=tf.float32, seed=0, seed2=0)
    graph.constant("dropout/max", 1.0)
    graph.constant("dropout/min", 0.0)
    graph.on_floats("dropout/random_uniform/sub", "Sub", "dropout/max", "dropout/min")
    graph.on_floats("dropout/random_uniform/mul", "Mul", "dropout/RandomUniform", "dropout/random_uniform/sub")
    return graph.on_floats("dropout/random_uniform", "Add", "dropout/random_uniform/mul", "dropout/min")


def _floor_dropout(graph: OldGraph, x: str, kind: str) -> str:
    keep_prob = _share(graph, "dropout/keep_prob", kind, 0.5)
    kept = graph.on_floats("dropout/add", "Add", keep_prob, _random(graph, x))
    mask = graph.on_floats("dropout/Floor", "Floor", kept)
    return graph.on_floats("dropout/mul", "Mul", graph.on_floats("dropout/div", "RealDiv", x, keep_prob), mask)


def _rate_dropout(graph: OldGraph, x: str, kind: str) -> str:
    rate = _share(graph, "dropout/rate", kind, 0.5)
    graph.constant("dropout/sub/x", 1.0)
    graph.on_floats("dropout/sub", "Sub", "dropout/sub/x", rate)
    scale = graph.on_floats("dropout/truediv", "RealDiv", "dropout/sub/x", "dropout/sub")
    kept = graph.on_floats("dropout/GreaterEqual", "GreaterEqual", _random(graph, x), rate)
    mask = graph.add("dropout/Cast", "Cast", kept, SrcT=tf.bool, DstT=tf.float32)
    return graph.on_floats("dropout/mul_1", "Mul", graph.on_floats("dropout/mul", "Mul", x, scale), mask)


def _dropout_in_a_branch(graph: OldGraph, x: str, kind: str) -> str:
    graph.placeholder("is_training", None, tf.bool)
    graph.add("cond/Switch", "Switch", "is_training", "is_training", T=tf.bool)
    graph.add("cond/switch_t", "Identity", "cond/Switch:1", T=tf.bool)
    graph.add("cond/switch_f", "Identity", "cond/Switch", T=tf.bool)
    graph.add("cond/pred_id", "Identity", "is_training", T=tf.bool)
    training = graph.on_floats("cond/dropout/Switch", "Switch", x, "cond/pred_id")
    training = _floor_dropout(graph, f"{training}:1", kind)
    predicting = graph.on_floats("cond/Switch_1", "Switch", x, "cond/pred_id")
    predicting = graph.on_floats("cond/Identity", "Identity", predicting, "^cond/switch_f")
    return graph.on_floats("cond/Merge", "Merge", predicting, training, N=2)


def eight_bits(measured: bool) -> tf.compat.v1.GraphDef:
    """As quantize_graph rewrote a small network. Ranges are `measured` at run time, or fixed in advance."""
    graph = OldGraph(22)
    bits = {"T": tf.quint8, "mode": "MIN_FIRST"}

    def ranged(name: str, low: float, high: float) -> list[str]:
        return [graph.constant(f"{name}/min", low), graph.constant(f"{name}/max", high)]

    def of(name: str) -> list[str]:
        return [f"{name}:1", f"{name}:2"]

    def brought_to_eight_bits(name: str, x: str, low: float, high: float) -> str:
        span = ranged(name, low, high)
        if measured:
            graph.constant(f"{name}/dims", [-1], np.int32)
            flat = graph.on_floats(f"{name}/reshape", "Reshape", x, f"{name}/dims")
            graph.constant(f"{name}/reduction_dims", [0], np.int32)
            span = [graph.on_floats(f"{name}/{op}", op, flat, f"{name}/reduction_dims") for op in ("Min", "Max")]
        return graph.add(f"{name}/quantize", "QuantizeV2", x, *span, **bits)

    def narrowed(name: str, x: str, low: float, high: float) -> str:
        kinds = {"Tinput": tf.qint32, "out_type": tf.quint8}
        if measured:
            return graph.add(f"{name}/requantize", "QuantizeDownAndShrinkRange", x, *of(x), **kinds)
        return graph.add(f"{name}/requantize", "Requantize", x, *of(x), *ranged(f"{name}/wanted", low, high), **kinds)

    def eight_bit_weights(name: str, values: np.ndarray) -> list[str]:
        low, high = float(values.min()), float(values.max())
        levels = np.round((values - low) * 255 / (high - low)).astype(np.uint8)
        graph.constant(name, levels, np.uint8)
        graph.graph_def.node[-1].attr["dtype"].type = tf.quint8.as_datatype_enum
        graph.graph_def.node[-1].attr["value"].tensor.dtype = tf.quint8.as_datatype_enum
        return [name, *ranged(name, low, high)]

    graph.placeholder("input", [1, SIZE, SIZE, 3])
    graph.constant("shift", 1.0)
    x = brought_to_eight_bits("conv", graph.on_floats("shifted", "Add", "input", "shift"), 0.0, 2.0)
    weights, *span = eight_bit_weights("conv/weights", colours(3, 6))
    x = graph.add(
        "conv/eightbit",
        "QuantizedConv2D",
        x,
        weights,
        *of(x),
        *span,
        Tinput=tf.quint8,
        Tfilter=tf.quint8,
        out_type=tf.qint32,
        strides=[1, 2, 2, 1],
        padding="SAME",
    )
    x = narrowed("conv", x, 0.0, 2.0)
    x = graph.add("relu/eightbit", "QuantizedRelu", x, *of(x), Tinput=tf.quint8, out_type=tf.quint8)
    x = graph.add(
        "pool/eightbit",
        "QuantizedAvgPool",
        x,
        *of(x),
        T=tf.quint8,
        ksize=[1, SIZE // 2, SIZE // 2, 1],
        strides=[1, 2, 2, 1],
        padding="VALID",
    )
    graph.constant("flat/shape", [1, 6], np.int32)
    x = graph.add("flat/eightbit", "QuantizedReshape", x, "flat/shape", *of(x), T=tf.quint8, Tshape=tf.int32)
    x = graph.add("flat", "Dequantize", x, *of(x), **bits)
    x = brought_to_eight_bits("MatMul", x, 0.0, 2.0)
    weights, *span = eight_bit_weights("final_weights", preferences(6))
    x = graph.add(
        "MatMul/eightbit",
        "QuantizedMatMul",
        x,
        weights,
        *of(x),
        *span,
        T1=tf.quint8,
        T2=tf.quint8,
        Toutput=tf.qint32,
        transpose_a=False,
        transpose_b=False,
    )
    x = narrowed("MatMul", x, -64.0, 64.0)
    graph.on_floats("final_result", "Softmax", graph.add("MatMul", "Dequantize", x, *of(x), **bits))
    return graph.graph_def


def eight_bit_scores(ends_in: str = "Dequantize") -> tf.compat.v1.GraphDef:
    """poets_mobilenet with scores quantized to eight bits and, unless it ends in QuantizeV2, dequantized."""
    graph = OldGraph(22)
    graph.graph_def.CopyFrom(poets_mobilenet())
    graph.graph_def.node[-1].name = "final_result/float"
    graph.constant("final_result/min", 0.0)
    graph.constant("final_result/max", 1.0)
    graph.add(
        "final_result/quantized",
        "QuantizeV2",
        "final_result/float",
        "final_result/min",
        "final_result/max",
        T=tf.quint8,
        mode="MIN_FIRST",
    )
    if ends_in == "Dequantize":
        ranges = [f"final_result/quantized:{port}" for port in (1, 2)]
        graph.add("final_result", "Dequantize", "final_result/quantized", *ranges, T=tf.quint8, mode="MIN_FIRST")
    return graph.graph_def


def one_by_one() -> tf.compat.v1.GraphDef:
    """Its final layer takes a column: two pictures would become one with twice the values."""
    graph = OldGraph(22)
    x = _mobilenet(graph, graph.placeholder("input", [1, SIZE, SIZE, 3]), "MobilenetV1")
    graph.constant("column/shape", [6, 1], np.int32)
    x = graph.add("column", "Reshape", x, "column/shape", T=tf.float32, Tshape=tf.int32)
    weights = graph.variable("weights", preferences(6).T)
    x = graph.on_floats("MatMul", "MatMul", weights, x, transpose_a=False, transpose_b=False)
    graph.constant("row/shape", [1, -1], np.int32)
    x = graph.add("row", "Reshape", x, "row/shape", T=tf.float32, Tshape=tf.int32)
    graph.on_floats("final_result", "Softmax", x)
    return graph.graph_def


class _SmallInception:
    """The network in inception-2015-12-05.tgz: its names, operations, sizes and order, with a 16th of the channels."""

    def __init__(self, producer: int, seed: int):
        self.graph = OldGraph(producer)
        self.random = np.random.default_rng(seed)
        self.channels = {"Mul": 3}

    def conv(self, name: str, x: str, full: int, shape: tuple[int, int] = (1, 1), stride=1, padding="SAME") -> str:
        before, after = self.channels[x], full // 16
        random, graph = self.random, self.graph
        # Slightly more than needed to keep the scale of values, so that pictures end up far apart.
        spread = 1.1 * np.sqrt(2 / (shape[0] * shape[1] * before))
        weights = random.normal(0, spread, (*shape, before, after))
        graph.constant(f"{name}/conv2d_params", weights)
        x = graph.conv(f"{name}/Conv2D", x, f"{name}/conv2d_params", stride, padding)
        x = graph.old_norm(
            f"{name}/batchnorm",
            x,
            scaled=False,
            beta=random.uniform(-0.1, 0.1, after),
            gamma=np.ones(after),
            moving_mean=random.uniform(-0.1, 0.1, after),
            moving_variance=random.uniform(0.7, 1.3, after),
        )
        self.channels[name] = after
        return graph.on_floats(name, "Relu", graph.checked(name, x))

    def pool(self, op: str, name: str, x: str, width: int, stride: int, padding: str) -> str:
        self.channels[name] = self.channels[x]
        return self.graph.pool(op, name, self.graph.checked(name, x), width, stride, padding)

    def join(self, name: str, *parts: str) -> str:
        self.channels[name] = sum(self.channels[part] for part in parts)
        return self.graph.joined(name, *parts)

    def build(self) -> tf.compat.v1.GraphDef:
        x = self.conv("conv", self.graph.decoded_jpeg(), 32, (3, 3), 2, "VALID")
        x = self.conv("conv_1", x, 32, (3, 3), 1, "VALID")
        x = self.conv("conv_2", x, 64, (3, 3))
        x = self.pool("MaxPool", "pool", x, 3, 2, "VALID")
        x = self.conv("conv_3", x, 80, (1, 1), 1, "VALID")
        x = self.conv("conv_4", x, 192, (3, 3), 1, "VALID")
        x = self.pool("MaxPool", "pool_1", x, 3, 2, "VALID")
        for name, pooled in (("mixed", 32), ("mixed_1", 64), ("mixed_2", 64)):
            x = self.of_35(name, x, pooled)
        x = self.to_17("mixed_3", x)
        for name, inner in (("mixed_4", 128), ("mixed_5", 160), ("mixed_6", 160), ("mixed_7", 192)):
            x = self.of_17(name, x, inner)
        x = self.to_8("mixed_8", x)
        x = self.of_8("mixed_9", x, "AvgPool")
        x = self.of_8("mixed_10", x, "MaxPool")
        x = self.pool("AvgPool", "pool_3", x, 8, 1, "VALID")
        return self.classified(x)

    def of_35(self, name: str, x: str, pooled: int) -> str:
        first = self.conv(f"{name}/conv", x, 64)
        second = self.conv(f"{name}/tower/conv", x, 48)
        second = self.conv(f"{name}/tower/conv_1", second, 64, (5, 5))
        third = self.conv(f"{name}/tower_1/conv", x, 64)
        third = self.conv(f"{name}/tower_1/conv_1", third, 96, (3, 3))
        third = self.conv(f"{name}/tower_1/conv_2", third, 96, (3, 3))
        fourth = self.pool("AvgPool", f"{name}/tower_2/pool", x, 3, 1, "SAME")
        fourth = self.conv(f"{name}/tower_2/conv", fourth, pooled)
        return self.join(f"{name}/join", first, second, third, fourth)

    def to_17(self, name: str, x: str) -> str:
        first = self.conv(f"{name}/conv", x, 384, (3, 3), 2, "VALID")
        second = self.conv(f"{name}/tower/conv", x, 64)
        second = self.conv(f"{name}/tower/conv_1", second, 96, (3, 3))
        second = self.conv(f"{name}/tower/conv_2", second, 96, (3, 3), 2, "VALID")
        return self.join(f"{name}/join", first, second, self.pool("MaxPool", f"{name}/pool", x, 3, 2, "VALID"))

    def of_17(self, name: str, x: str, inner: int) -> str:
        first = self.conv(f"{name}/conv", x, 192)
        second = self.conv(f"{name}/tower/conv", x, inner)
        second = self.conv(f"{name}/tower/conv_1", second, inner, (1, 7))
        second = self.conv(f"{name}/tower/conv_2", second, 192, (7, 1))
        third = self.conv(f"{name}/tower_1/conv", x, inner)
        for number, (after, shape) in enumerate([(inner, (7, 1)), (inner, (1, 7)), (inner, (7, 1)), (192, (1, 7))], 1):
            third = self.conv(f"{name}/tower_1/conv_{number}", third, after, shape)
        fourth = self.pool("AvgPool", f"{name}/tower_2/pool", x, 3, 1, "SAME")
        fourth = self.conv(f"{name}/tower_2/conv", fourth, 192)
        return self.join(f"{name}/join", first, second, third, fourth)

    def to_8(self, name: str, x: str) -> str:
        first = self.conv(f"{name}/tower/conv", x, 192)
        first = self.conv(f"{name}/tower/conv_1", first, 320, (3, 3), 2, "VALID")
        second = self.conv(f"{name}/tower_1/conv", x, 192)
        second = self.conv(f"{name}/tower_1/conv_1", second, 192, (1, 7))
        second = self.conv(f"{name}/tower_1/conv_2", second, 192, (7, 1))
        second = self.conv(f"{name}/tower_1/conv_3", second, 192, (3, 3), 2, "VALID")
        return self.join(f"{name}/join", first, second, self.pool("MaxPool", f"{name}/pool", x, 3, 2, "VALID"))

    def of_8(self, name: str, x: str, pooling: str) -> str:
        parts = [self.conv(f"{name}/conv", x, 320)]
        tower = self.conv(f"{name}/tower/conv", x, 384)
        parts += [self.conv(f"{name}/tower/mixed/conv", tower, 384, (1, 3))]
        parts += [self.conv(f"{name}/tower/mixed/conv_1", tower, 384, (3, 1))]
        tower = self.conv(f"{name}/tower_1/conv", x, 448)
        tower = self.conv(f"{name}/tower_1/conv_1", tower, 384, (3, 3))
        parts += [self.conv(f"{name}/tower_1/mixed/conv", tower, 384, (1, 3))]
        parts += [self.conv(f"{name}/tower_1/mixed/conv_1", tower, 384, (3, 1))]
        pooled = self.pool(pooling, f"{name}/tower_2/pool", x, 3, 1, "SAME")
        return self.join(f"{name}/join", *parts, self.conv(f"{name}/tower_2/conv", pooled, 192))

    def classified(self, x: str) -> tf.compat.v1.GraphDef:
        graph, values = self.graph, self.channels[x]
        graph.constant("pool_3/_reshape/shape", [1, values], np.int32)
        graph.on_floats("pool_3/_reshape", "Reshape", x, "pool_3/_reshape/shape")
        graph.constant("softmax/weights", self.random.normal(0, 0.1, (values, 1008)))
        graph.constant("softmax/biases", np.zeros(1008))
        product = graph.on_floats(
            "softmax/logits/MatMul",
            "MatMul",
            "pool_3/_reshape",
            "softmax/weights",
            transpose_a=False,
            transpose_b=False,
        )
        graph.on_floats("softmax", "Softmax", graph.on_floats("softmax/logits", "BiasAdd", product, "softmax/biases"))
        return graph.graph_def


def small_inception(producer: int = 8, seed: int = 0) -> tf.compat.v1.GraphDef:
    """A small classify_image_graph_def.pb, with a bottleneck of 128 values and random weights."""
    return _SmallInception(producer, seed).build()


def inception_archive(folder: Path, member: str = "classify_image_graph_def.pb", graph_def=None) -> Path:
    """The .tgz as it is published, where POETS_MIRROR=folder looks for it."""
    path = folder / "download.tensorflow.org" / "models" / "image" / "imagenet" / "inception-2015-12-05.tgz"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        data = (small_inception() if graph_def is None else graph_def).SerializeToString()
        for name, content in ((member, data), ("imagenet_synset_to_human_label_map.txt", b"n1 a thing\n")):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path
