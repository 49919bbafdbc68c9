"""Turns a frozen graph into a Keras model of ordinary layers, to be loaded, trained and changed like any other."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError
from ..graphs import folding, frozen_graph, keras_files
from ..graphs.frozen_graph import node_of
from ..graphs.wiring import Wiring, inputs_of, port_of, value
from ..photos.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

INPUT, RESCALING = "pictures", "rescaling"

_SUMS = ("Add", "AddV2", "BiasAdd")
_QUOTIENTS = ("RealDiv", "Div")
_BATCH_NORMS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
# What scales and shifts, where all but one of the inputs are constants.
_AFFINE = {*_SUMS, *_QUOTIENTS, *_BATCH_NORMS, "Sub", "Mul", "Neg"}

# Layers that need no more than their names, and operations of Keras' own, which are nodes of a model as layers are.
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
    "AddV2": "Add",
    "AddN": "Add",
    "Sub": "Subtract",
    "Mul": "Multiply",
    "Maximum": "Maximum",
    "Minimum": "Minimum",
}
_OPERATIONS = {"Sqrt": "sqrt", "Rsqrt": "rsqrt", "Abs": "absolute", "Log": "log"}

# Ends of names that say no more than the kind of layer.
_KINDS = {"convolution", "depthwise", "Conv2D", "MatMul", "BatchNorm", "batchnorm", "mul_1"}

# Whatever the user's own settings of Keras are.
_CHANNELS_LAST = {"data_format": "channels_last"}

# What layers start from is replaced at once, but stands in the file; the default's settings changed between versions
# of Keras, which keeps older ones from loading it.
_INITIALIZER = "truncated_normal"


def translate(graph_def: GraphDef, take: Preprocessing, bottleneck: str | None) -> keras.Model:
    """From `pictures`, pixels of 0 to 255 as [N, height, width, 3], to scores.

    `take` says what the graph takes, both layers named; a layer of the model prepares pixels like that. What gives
    the values of the graph's node `bottleneck` is the layer "bottleneck".
    """
    import keras

    entry, output = node_of(take.input_layer), node_of(take.output_layer)
    own = type(graph_def)()
    own.CopyFrom(graph_def)
    for node in own.node:
        if node.name == entry:
            node.CopyFrom(frozen_graph.placeholder(entry, [None, take.input_height, take.input_width, 3]))
    pictures = keras.Input((take.input_height, take.input_width, 3), name=INPUT)
    kept = None if bottleneck is None else folding.handed_on(own, node_of(bottleneck))
    translation = _Translation(folding.fold_constants(own, output), output, kept)
    scores = translation.run(entry, pictures, take.input_mean, take.input_std)
    return keras.Model(pictures, scores, name="classifier")


class _Translation:
    """Makes each node of a folded graph a layer, or several where they are one layer in Keras."""

    def __init__(self, folded: GraphDef, output: str, bottleneck: str | None):
        self._folded, self._output, self._bottleneck = folded, output, bottleneck
        self._wiring = Wiring(folded)
        self._tensors: dict[str, keras.KerasTensor] = {}
        self._names = {INPUT, RESCALING}
        # Given a list of the node alone, to which they add the nodes behind it that the same layer stands for.
        self._ways: dict[str, Callable[[list[NodeDef]], keras.KerasTensor]] = {
            "Conv2D": self._convolution,
            "DepthwiseConv2dNative": self._depthwise,
            "MatMul": self._dense,
            "AvgPool": self._pooling,
            "MaxPool": self._pooling,
            "Mean": self._pooling,
            "Relu": self._rectifier,
            "Relu6": self._rectifier,
            "LeakyRelu": self._rectifier,
            "Square": self._square,
            "ConcatV2": self._concatenation,
            "Pad": self._padding,
            "Slice": self._cropping,
            "Reshape": self._reshaping,
            "Squeeze": self._reshaping,
            **dict.fromkeys(folding.PASSING, self._same),
            **dict.fromkeys(_ACTIVATIONS, self._activation),
            **dict.fromkeys(_MERGES, self._merge),
            **dict.fromkeys([*_OPERATIONS, *_QUOTIENTS], self._operation),
        }

    def run(self, entry: str, pictures: keras.KerasTensor, mean: float, std: float) -> keras.KerasTensor:
        self._prepare(entry, pictures, mean, std)
        for node in self._folded.node:
            if node.op != "Const" and node.name not in self._tensors:
                self._translate(node)
        return self._tensors[self._output]

    def _prepare(self, entry: str, pictures: keras.KerasTensor, mean: float, std: float) -> None:
        """One layer that does what is to be done before the graph, and the same kind of thing where it begins."""
        import keras

        taken = [self._wiring.nodes[entry]]
        scale, shift = (float(each) for each in self._absorb(taken, 1))
        scale, shift = scale / std, shift - mean * scale / std
        plain = (scale, shift) == (1, 0)
        prepared = pictures if plain else keras.layers.Rescaling(scale, shift, name=RESCALING)(pictures)
        for node in taken:
            self._tensors[node.name] = prepared

    def _translate(self, node: NodeDef) -> None:
        taken = [node]
        try:
            if self._affine(node) is not None:
                made = self._scaling(taken)
            elif node.op in self._ways:
                made = self._ways[node.op](taken)
            else:
                raise self._cannot(node)
            if taken[-1].name == self._bottleneck and keras_files.BOTTLENECK not in self._names:
                made = self._layer("Identity", taken)(made)
        except ValueError as error:  # what this layer of Keras does not do
            raise self._cannot(node, f" ({' '.join(str(error).split())[:200]})") from None
        for each in taken:
            self._tensors[each.name] = made

    def _cannot(self, node: NodeDef, why: str = "") -> UserError:
        return UserError(
            f"the graph's operation {node.op} (its node {node.name}) cannot be made a layer of Keras{why}: "
            "choose another --format, such as saved_model"
        )

    def _of(self, source: str, reader: NodeDef) -> keras.KerasTensor:
        if node_of(source) not in self._tensors or port_of(source) != 0:
            raise self._cannot(reader, f", as it reads {source}")
        return self._tensors[node_of(source)]

    def _input(self, node: NodeDef) -> keras.KerasTensor:
        return self._of(inputs_of(node)[0], node)

    def _known(self, node: NodeDef, index: int) -> np.ndarray:
        """The constant that is the node's input of that number."""
        found = value(inputs_of(node)[index], self._wiring.nodes)
        if found is None:
            raise self._cannot(node, f", as {inputs_of(node)[index]} is not a constant")
        return found

    def _layer(self, kind: str, taken: list[NodeDef], **settings: object) -> keras.Layer:
        import keras

        return getattr(keras.layers, kind)(name=self._name(taken), **settings)

    def _name(self, taken: list[NodeDef]) -> str:
        """Of the layer that stands for these nodes: like the first, but the scores keep their name."""
        if taken[-1].name == self._bottleneck:
            self._names.add(keras_files.BOTTLENECK)
            return keras_files.BOTTLENECK
        words = taken[-1 if taken[-1].name == self._output else 0].name.split("/")
        plain = words
        while len(plain) > 1 and plain[-1] in _KINDS:
            plain = plain[:-1]
        stem = plain[-1] if len(plain) < len(words) else "_".join(words[-2:])
        stem = re.sub(r"[^A-Za-z0-9_.-]", "_", stem).lstrip("_-") or "layer"
        name, number = stem, 1
        while name in {*self._names, keras_files.BOTTLENECK}:
            name, number = f"{stem}_{number}", number + 1
        self._names.add(name)
        return name

    def _only_reader(self, node: NodeDef) -> NodeDef | None:
        """The one node that reads this one, where nobody else wants its values."""
        readers = self._wiring.readers.get(node.name, [])
        return readers[0] if len(readers) == 1 and node.name not in (self._output, self._bottleneck) else None

    def _affine(self, node: NodeDef) -> tuple[np.ndarray, np.ndarray] | None:
        """(scale, shift) where the node gives scale * its one input + shift, each a number or one for each channel."""
        if node.op not in _AFFINE:
            return None
        known = [value(source, self._wiring.nodes) for source in inputs_of(node)]
        if node.op in _BATCH_NORMS:
            if node.attr["is_training"].b or "is_training" not in node.attr or any(each is None for each in known[1:5]):
                return None
            gamma, beta, mean, variance = (each.astype(np.float64) for each in known[1:5])
            epsilon = node.attr["epsilon"].f if "epsilon" in node.attr else 1e-4
            scale = gamma / np.sqrt(variance + epsilon)
            return scale, beta - mean * scale
        if node.op == "Neg":
            return np.array(-1.0), np.array(0.0)
        if len(known) != 2 or (known[0] is None) == (known[1] is None):
            return None
        first = known[0] is None
        number = (known[1] if first else known[0]).astype(np.float64)
        if number.size > 1 and number.size != number.shape[-1]:
            return None
        number = number.reshape(-1) if number.size > 1 else number.reshape(())
        one, zero = np.array(1.0), np.array(0.0)
        if node.op in _SUMS:
            return one, number
        if node.op == "Sub":
            return (one, -number) if first else (-one, number)
        if node.op == "Mul":
            return number, zero
        return (1 / number, zero) if node.op in _QUOTIENTS and first else None

    def _absorb(self, taken: list[NodeDef], channels: int) -> tuple[np.ndarray, np.ndarray]:
        """All scales and shifts that follow, as one of each."""
        scale, shift = np.array(1.0), np.array(0.0)
        while (reader := self._only_reader(taken[-1])) is not None:
            found = self._affine(reader)
            if found is None or any(each.size not in (1, channels) for each in found):
                break
            scale, shift = scale * found[0], shift * found[0] + found[1]
            taken.append(reader)
        return scale, shift

    def _weighted(
        self, taken: list[NodeDef], kind: str, kernel: np.ndarray, channels: int, **settings: object
    ) -> keras.KerasTensor:
        """The layer with that kernel, into which go the scales and shifts that follow."""
        source = self._input(taken[0])
        scale, shift = self._absorb(taken, channels)
        if scale.ndim:
            scale = scale.reshape(kernel.shape[2:] if kind == "DepthwiseConv2D" else -1)
        reader = self._only_reader(taken[-1])
        if kind == "Dense" and reader is not None and reader.op == "Softmax":
            taken.append(reader)
            settings["activation"] = "softmax"
        layer = self._layer(kind, taken, use_bias=bool(np.any(shift)), **settings, **self._start(kind))
        made = layer(source)
        weights = [kernel * scale, *([np.broadcast_to(shift, channels)] if layer.use_bias else [])]
        layer.set_weights([each.astype(np.float32) for each in weights])
        return made

    def _start(self, kind: str) -> dict[str, str]:
        return {"depthwise_initializer" if kind == "DepthwiseConv2D" else "kernel_initializer": _INITIALIZER}

    def _dense(self, taken: list[NodeDef]) -> keras.KerasTensor:
        node = taken[0]
        if node.attr["transpose_a"].b:
            raise self._cannot(node, ", as it transposes")
        kernel = self._known(node, 1)
        kernel = kernel.T if node.attr["transpose_b"].b else kernel
        return self._weighted(taken, "Dense", kernel, kernel.shape[1], units=kernel.shape[1])

    def _convolution(self, taken: list[NodeDef]) -> keras.KerasTensor:
        kernel = self._known(taken[0], 1)
        groups = self._input(taken[0]).shape[3] // kernel.shape[2]
        return self._weighted(
            taken,
            "Conv2D",
            kernel,
            kernel.shape[3],
            filters=kernel.shape[3],
            kernel_size=kernel.shape[:2],
            groups=groups,
            **self._steps(taken[0]),
        )

    def _depthwise(self, taken: list[NodeDef]) -> keras.KerasTensor:
        kernel = self._known(taken[0], 1)
        return self._weighted(
            taken,
            "DepthwiseConv2D",
            kernel,
            kernel.shape[2] * kernel.shape[3],
            kernel_size=kernel.shape[:2],
            depth_multiplier=kernel.shape[3],
            **self._steps(taken[0]),
        )

    def _steps(self, node: NodeDef) -> dict:
        steps = {"strides": self._sides(node, "strides"), **self._edges(node)}
        return {**steps, "dilation_rate": self._sides(node, "dilations")} if "dilations" in node.attr else steps

    def _edges(self, node: NodeDef) -> dict:
        padding = node.attr["padding"].s.decode().lower()
        if padding not in ("same", "valid") or node.attr["data_format"].s not in (b"", b"NHWC"):
            raise self._cannot(node, f" with padding {padding} and data format {node.attr['data_format'].s.decode()}")
        return {"padding": padding, **_CHANNELS_LAST}

    def _sides(self, node: NodeDef, attribute: str) -> tuple[int, int]:
        _, height, width, _ = node.attr[attribute].list.i
        return height, width

    def _scaling(self, taken: list[NodeDef]) -> keras.KerasTensor:
        """What scales and shifts by itself: one number, or for each channel its own, which then can be trained."""
        node = taken[0]
        source = next(self._of(each, node) for each in inputs_of(node) if value(each, self._wiring.nodes) is None)
        channels = source.shape[-1]
        scale, shift = self._affine(node)
        if any(each.size not in (1, channels) for each in (scale, shift)):
            raise self._cannot(node, f" on values of the shape {source.shape}")
        more_scale, more_shift = self._absorb(taken, channels)
        scale, shift = scale * more_scale, shift * more_scale + more_shift
        if scale.size == shift.size == 1 or len(source.shape) != 4:
            return self._layer("Rescaling", taken, scale=scale.tolist(), offset=shift.tolist())(source)
        layer = self._layer("DepthwiseConv2D", taken, kernel_size=1, **_CHANNELS_LAST, **self._start("DepthwiseConv2D"))
        made = layer(source)
        kernel = np.broadcast_to(scale, channels).reshape(1, 1, channels, 1)
        layer.set_weights([each.astype(np.float32) for each in (kernel, np.broadcast_to(shift, channels))])
        return made

    def _pooling(self, taken: list[NodeDef]) -> keras.KerasTensor:
        node = taken[0]
        source = self._input(node)
        if node.op == "Mean":
            if len(source.shape) != 4 or sorted(np.ravel(self._known(node, 1)) % 4) != [1, 2]:
                raise self._cannot(node, " but over all of a picture")
            whole, keeps = True, node.attr["keep_dims"].b
        else:
            whole, keeps = node.op == "AvgPool" and self._sides(node, "ksize") == source.shape[1:3], True
            whole = whole and self._edges(node)["padding"] == "valid"
        if not whole:
            kind = "AveragePooling2D" if node.op == "AvgPool" else "MaxPooling2D"
            sizes = {"pool_size": self._sides(node, "ksize"), "strides": self._sides(node, "strides")}
            return self._layer(kind, taken, **sizes, **self._edges(node))(source)
        reader = self._only_reader(node)
        pooled = (1, 1, source.shape[3])
        if keeps and reader is not None and self._reshaped(reader, pooled) == pooled[2:]:
            taken.append(reader)
            keeps = False
        return self._layer("GlobalAveragePooling2D", taken, keepdims=keeps, **_CHANNELS_LAST)(source)

    def _reshaping(self, taken: list[NodeDef]) -> keras.KerasTensor:
        source = self._input(taken[0])
        shape = self._reshaped(taken[0], tuple(source.shape[1:]))
        if shape is None:
            raise self._cannot(taken[0], f" on values of the shape {source.shape}")
        return source if shape == source.shape[1:] else self._layer("Reshape", taken, target_shape=shape)(source)

    def _reshaped(self, node: NodeDef, shape: tuple[int, ...]) -> tuple[int, ...] | None:
        """The shape of a picture's values behind a Reshape or Squeeze; None if that mixes pictures or is not known."""
        if node.op == "Squeeze":
            axes = {axis % (len(shape) + 1) for axis in node.attr["squeeze_dims"].list.i}
            axes = axes or {at for at, size in enumerate(shape, 1) if size == 1}
            return None if 0 in axes else tuple(size for at, size in enumerate(shape, 1) if at not in axes)
        wanted = value(inputs_of(node)[1], self._wiring.nodes) if node.op == "Reshape" else None
        if wanted is None or not len(wanted) or wanted[0] not in (-1, 1):
            return None
        own, total = [int(size) for size in wanted[1:]], int(np.prod(shape))
        if own.count(-1) == 1 and wanted[0] == 1:
            own[own.index(-1)] = total // -int(np.prod(own))
        return tuple(own) if np.prod(own) == total else None

    def _rectifier(self, taken: list[NodeDef]) -> keras.KerasTensor:
        node = taken[0]
        if node.op == "LeakyRelu":
            slope = node.attr["alpha"].f if "alpha" in node.attr else 0.2
            return self._layer("LeakyReLU", taken, negative_slope=slope)(self._input(node))
        return self._layer("ReLU", taken, **({"max_value": 6.0} if node.op == "Relu6" else {}))(self._input(node))

    def _same(self, taken: list[NodeDef]) -> keras.KerasTensor:
        return self._input(taken[0])

    def _activation(self, taken: list[NodeDef]) -> keras.KerasTensor:
        return self._layer("Activation", taken, activation=_ACTIVATIONS[taken[0].op])(self._input(taken[0]))

    def _square(self, taken: list[NodeDef]) -> keras.KerasTensor:
        return self._layer("Multiply", taken)([self._input(taken[0])] * 2)

    def _merge(self, taken: list[NodeDef]) -> keras.KerasTensor:
        return self._layer(_MERGES[taken[0].op], taken)(self._alike(taken[0]))

    def _operation(self, taken: list[NodeDef]) -> keras.KerasTensor:
        import keras

        node = taken[0]
        return getattr(keras.ops, _OPERATIONS.get(node.op, "divide"))(*self._alike(node))

    def _alike(self, node: NodeDef) -> list[keras.KerasTensor]:
        """All inputs, which are of as many dimensions: with others, Keras goes ways of its own."""
        sources = [self._of(source, node) for source in inputs_of(node)]
        if len({len(source.shape) for source in sources}) > 1:
            raise self._cannot(node, f" on values of the shapes {', '.join(str(source.shape) for source in sources)}")
        return sources

    def _concatenation(self, taken: list[NodeDef]) -> keras.KerasTensor:
        node = taken[0]
        sources = [self._of(source, node) for source in inputs_of(node)[:-1]]
        axis = int(self._known(node, -1)) % len(sources[0].shape)
        if axis == 0:
            raise self._cannot(node, ", as it joins pictures")
        return self._layer("Concatenate", taken, axis=axis)(sources)

    def _padding(self, taken: list[NodeDef]) -> keras.KerasTensor:
        source, around = self._input(taken[0]), self._known(taken[0], 1).tolist()
        if len(around) != 4 or any(around[0] + around[3]):
            raise self._cannot(taken[0], " but around a picture")
        return self._layer("ZeroPadding2D", taken, padding=around[1:3], **_CHANNELS_LAST)(source)

    def _cropping(self, taken: list[NodeDef]) -> keras.KerasTensor:
        source = self._input(taken[0])
        cut = []
        for size, start, count in zip(source.shape, self._known(taken[0], 1), self._known(taken[0], 2), strict=True):
            cut.append((int(start), 0 if count == -1 else size - int(start + count) if size is not None else 1))
        if len(cut) != 4 or any(cut[0] + cut[3]):
            raise self._cannot(taken[0], " but of a picture's edges")
        return self._layer("Cropping2D", taken, cropping=cut[1:3], **_CHANNELS_LAST)(source)
