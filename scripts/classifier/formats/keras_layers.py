"""Turns the operations of a graph into Keras layers, one function for each kind of layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..graphs.affine import Affine
from ..graphs.folding import PASSING
from ..graphs.wiring import inputs_of, kind_of
from .keras_stretches import Stretch

if TYPE_CHECKING:
    import keras

# Layers that take no settings, and Keras operations, which can be nodes of a model like layers.
_ACTIVATIONS = {
    "Elu": "elu",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Exp": "exponential",
    "Softmax": "softmax",
}
_MERGES = {
    "Add": "Add",
    "AddN": "Add",
    "Sub": "Subtract",
    "Mul": "Multiply",
    "Maximum": "Maximum",
    "Minimum": "Minimum",
}
_OPERATIONS = {"Sqrt": "sqrt", "Rsqrt": "rsqrt", "Abs": "absolute", "Log": "log", "Div": "divide"}

# Regardless of the user's Keras configuration.
_CHANNELS_LAST = {"data_format": "channels_last"}

# Initial weights are replaced at once, but the initializer is saved in the file. The default one has settings that
# older versions of Keras do not know, so that they could not load it.
_INITIALIZER = "truncated_normal"


def _weighted(stretch: Stretch, kind: str, kernel: np.ndarray, channels: int, **settings: object) -> keras.KerasTensor:
    """The output of a layer with this kernel, into which the scales and shifts that follow are folded."""
    source = stretch.input()
    following = stretch.absorb(channels)
    scale, shift = following.scale, following.shift
    if scale.ndim:
        scale = scale.reshape(kernel.shape[2:] if kind == "DepthwiseConv2D" else -1)
    reader = stretch.next()
    if kind == "Dense" and reader is not None and reader.op == "Softmax":
        stretch.nodes.append(reader)
        settings["activation"] = "softmax"
    layer = stretch.layer(kind, use_bias=bool(np.any(shift)), **settings, **_start(kind))
    made = layer(source)
    weights = [kernel * scale, *([np.broadcast_to(shift, channels)] if layer.use_bias else [])]
    layer.set_weights([each.astype(np.float32) for each in weights])
    return made


def _start(kind: str) -> dict[str, str]:
    return {"depthwise_initializer" if kind == "DepthwiseConv2D" else "kernel_initializer": _INITIALIZER}


def _dense(stretch: Stretch) -> keras.KerasTensor:
    node = stretch.node
    if node.attr["transpose_a"].b:
        raise stretch.cannot(", as it transposes its input")
    kernel = stretch.known(1)
    kernel = kernel.T if node.attr["transpose_b"].b else kernel
    return _weighted(stretch, "Dense", kernel, kernel.shape[1], units=kernel.shape[1])


def _convolution(stretch: Stretch) -> keras.KerasTensor:
    kernel = stretch.known(1)
    groups = stretch.input().shape[3] // kernel.shape[2]
    return _weighted(
        stretch,
        "Conv2D",
        kernel,
        kernel.shape[3],
        filters=kernel.shape[3],
        kernel_size=kernel.shape[:2],
        groups=groups,
        **_steps(stretch),
    )


def _depthwise(stretch: Stretch) -> keras.KerasTensor:
    kernel = stretch.known(1)
    return _weighted(
        stretch,
        "DepthwiseConv2D",
        kernel,
        kernel.shape[2] * kernel.shape[3],
        kernel_size=kernel.shape[:2],
        depth_multiplier=kernel.shape[3],
        **_steps(stretch),
    )


def _steps(stretch: Stretch) -> dict:
    steps = {"strides": _sides(stretch, "strides"), **_edges(stretch)}
    return {**steps, "dilation_rate": _sides(stretch, "dilations")} if "dilations" in stretch.node.attr else steps


def _edges(stretch: Stretch) -> dict:
    padding = stretch.node.attr["padding"].s.decode().lower()
    if padding not in ("same", "valid") or stretch.node.attr["data_format"].s not in (b"", b"NHWC"):
        raise stretch.cannot(f" with padding {padding} and data format {stretch.node.attr['data_format'].s.decode()}")
    return {"padding": padding, **_CHANNELS_LAST}


def _sides(stretch: Stretch, attribute: str) -> tuple[int, int]:
    _, height, width, _ = stretch.node.attr[attribute].list.i
    return height, width


def scaling(stretch: Stretch, own: Affine) -> keras.KerasTensor:
    """A separate layer that scales and shifts. If each channel of a picture has its own numbers, they are weights."""
    source = stretch.tensor(own.source)
    channels = source.shape[-1]
    if not own.fits(channels):
        raise stretch.cannot(f" on values of shape {source.shape}")
    total = own.then(stretch.absorb(channels))
    scale, shift = total.scale, total.shift
    if scale.size == shift.size == 1 or len(source.shape) != 4:
        return stretch.layer("Rescaling", scale=scale.tolist(), offset=shift.tolist())(source)
    layer = stretch.layer("DepthwiseConv2D", kernel_size=1, **_CHANNELS_LAST, **_start("DepthwiseConv2D"))
    made = layer(source)
    kernel = np.broadcast_to(scale, channels).reshape(1, 1, channels, 1)
    layer.set_weights([each.astype(np.float32) for each in (kernel, np.broadcast_to(shift, channels))])
    return made


def _pooling(stretch: Stretch) -> keras.KerasTensor:
    node = stretch.node
    source = stretch.input()
    if node.op == "Mean":
        if len(source.shape) != 4 or sorted(np.ravel(stretch.known(1)) % 4) != [1, 2]:
            raise stretch.cannot(", except over a whole picture")
        whole, keeps = True, node.attr["keep_dims"].b
    else:
        whole, keeps = node.op == "AvgPool" and _sides(stretch, "ksize") == source.shape[1:3], True
        whole = whole and _edges(stretch)["padding"] == "valid"
    if not whole:
        kind = "AveragePooling2D" if node.op == "AvgPool" else "MaxPooling2D"
        sizes = {"pool_size": _sides(stretch, "ksize"), "strides": _sides(stretch, "strides")}
        return stretch.layer(kind, **sizes, **_edges(stretch))(source)
    reader = stretch.next()
    pooled = (1, 1, source.shape[3])
    if keeps and reader is not None and stretch.reshaped(reader, pooled) == pooled[2:]:
        stretch.nodes.append(reader)
        keeps = False
    return stretch.layer("GlobalAveragePooling2D", keepdims=keeps, **_CHANNELS_LAST)(source)


def _reshaping(stretch: Stretch) -> keras.KerasTensor:
    source = stretch.input()
    shape = stretch.reshaped(stretch.node, tuple(source.shape[1:]))
    if shape is None:
        raise stretch.cannot(f" on values of shape {source.shape}")
    return source if shape == source.shape[1:] else stretch.layer("Reshape", target_shape=shape)(source)


def _rectifier(stretch: Stretch) -> keras.KerasTensor:
    node = stretch.node
    if node.op == "LeakyRelu":
        slope = node.attr["alpha"].f if "alpha" in node.attr else 0.2
        return stretch.layer("LeakyReLU", negative_slope=slope)(stretch.input())
    return stretch.layer("ReLU", **({"max_value": 6.0} if node.op == "Relu6" else {}))(stretch.input())


def _same(stretch: Stretch) -> keras.KerasTensor:
    return stretch.input()


def _activation(stretch: Stretch) -> keras.KerasTensor:
    return stretch.layer("Activation", activation=_ACTIVATIONS[stretch.node.op])(stretch.input())


def _square(stretch: Stretch) -> keras.KerasTensor:
    return stretch.layer("Multiply")([stretch.input()] * 2)


def _merge(stretch: Stretch) -> keras.KerasTensor:
    return stretch.layer(_MERGES[kind_of(stretch.node)])(stretch.alike())


def _operation(stretch: Stretch) -> keras.KerasTensor:
    import keras

    node = stretch.node
    return getattr(keras.ops, _OPERATIONS[kind_of(node)])(*stretch.alike())


def _concatenation(stretch: Stretch) -> keras.KerasTensor:
    node = stretch.node
    sources = [stretch.tensor(source) for source in inputs_of(node)[:-1]]
    axis = int(stretch.known(-1)) % len(sources[0].shape)
    if axis == 0:
        raise stretch.cannot(", as it joins pictures")
    return stretch.layer("Concatenate", axis=axis)(sources)


def _padding(stretch: Stretch) -> keras.KerasTensor:
    source, around = stretch.input(), stretch.known(1).tolist()
    if len(around) != 4 or any(around[0] + around[3]):
        raise stretch.cannot(", except around a picture")
    return stretch.layer("ZeroPadding2D", padding=around[1:3], **_CHANNELS_LAST)(source)


def _cropping(stretch: Stretch) -> keras.KerasTensor:
    source = stretch.input()
    cut = []
    for size, start, count in zip(source.shape, stretch.known(1), stretch.known(2), strict=True):
        cut.append((int(start), 0 if count == -1 else size - int(start + count) if size is not None else 1))
    if len(cut) != 4 or any(cut[0] + cut[3]):
        raise stretch.cannot(", except at a picture's edges")
    return stretch.layer("Cropping2D", cropping=cut[1:3], **_CHANNELS_LAST)(source)


WAYS: dict[str, Callable[[Stretch], keras.KerasTensor]] = {
    "Conv2D": _convolution,
    "DepthwiseConv2dNative": _depthwise,
    "MatMul": _dense,
    "AvgPool": _pooling,
    "MaxPool": _pooling,
    "Mean": _pooling,
    "Relu": _rectifier,
    "Relu6": _rectifier,
    "LeakyRelu": _rectifier,
    "Square": _square,
    "ConcatV2": _concatenation,
    "Pad": _padding,
    "Slice": _cropping,
    "Reshape": _reshaping,
    "Squeeze": _reshaping,
    **dict.fromkeys(PASSING, _same),
    **dict.fromkeys(_ACTIVATIONS, _activation),
    **dict.fromkeys(_MERGES, _merge),
    **dict.fromkeys(_OPERATIONS, _operation),
}
