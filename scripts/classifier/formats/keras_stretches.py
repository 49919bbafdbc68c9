"""Stretches of a graph that become one Keras layer: a node, and those after it that the layer covers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError
from ..graphs import affine, keras_files
from ..graphs.affine import Affine
from ..graphs.frozen_graph import node_of
from ..graphs.patterns import Op
from ..graphs.wiring import Wiring, inputs_of, port_of, value

if TYPE_CHECKING:
    import keras
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

INPUT, RESCALING = "pictures", "rescaling"

# Last parts of node names that only repeat the kind of layer.
_KINDS = {"convolution", "depthwise", "Conv2D", "MatMul", "BatchNorm", "batchnorm", "mul_1"}


class Translation:
    """The state of translating a folded graph: the tensors made so far, and the layer names taken."""

    def __init__(self, folded: GraphDef, output: str, bottleneck: str | None):
        self.output, self.bottleneck = output, bottleneck
        self.wiring = Wiring(folded)
        self.tensors: dict[str, keras.KerasTensor] = {}
        self.names = {INPUT, RESCALING}

    def only_reader(self, node: NodeDef) -> NodeDef | None:
        """The one node that reads this one; None if there are several, or if its values are an output."""
        return None if node.name in (self.output, self.bottleneck) else self.wiring.only_reader(node.name)

    def affine(self, node: NodeDef) -> Affine | None:
        """The scale and shift of a node; None if it does anything else."""
        return affine.affine(Op.at(node.name, self.wiring.nodes))


class Stretch:
    """Starts as one node; the function that makes the layer adds the nodes that the layer also covers."""

    def __init__(self, translation: Translation, node: NodeDef):
        self.node, self.nodes = node, [node]
        self._translation = translation

    def cannot(self, why: str = "") -> UserError:
        return UserError(
            f"the graph's operation {self.node.op} (node {self.node.name}) cannot become a Keras layer{why}: choose "
            "another --format, such as saved_model"
        )

    def tensor(self, source: str) -> keras.KerasTensor:
        tensors = self._translation.tensors
        if node_of(source) not in tensors or port_of(source) != 0:
            raise self.cannot(f", as it reads {source}")
        return tensors[node_of(source)]

    def input(self) -> keras.KerasTensor:
        return self.tensor(inputs_of(self.node)[0])

    def alike(self) -> list[keras.KerasTensor]:
        """All inputs, which must have the same number of dimensions: Keras broadcasts others differently."""
        sources = [self.tensor(source) for source in inputs_of(self.node)]
        if len({len(source.shape) for source in sources}) > 1:
            raise self.cannot(f" on values of shapes {', '.join(str(source.shape) for source in sources)}")
        return sources

    def known(self, index: int) -> np.ndarray:
        """The value of the node's input number `index`, a constant."""
        source = inputs_of(self.node)[index]
        found = value(source, self._translation.wiring.nodes)
        if found is None:
            raise self.cannot(f", as {source} is not a constant")
        return found

    def next(self) -> NodeDef | None:
        """The node after the last one, if nothing else reads that."""
        return self._translation.only_reader(self.nodes[-1])

    def affine(self) -> Affine | None:
        return self._translation.affine(self.node)

    def absorb(self, channels: int) -> Affine:
        """All the scales and shifts that follow, combined into one."""
        total = affine.UNCHANGED
        while (reader := self.next()) is not None:
            found = self._translation.affine(reader)
            if found is None or not found.fits(channels):
                break
            total = total.then(found)
            self.nodes.append(reader)
        return total

    def reshaped(self, node: NodeDef, shape: tuple[int, ...]) -> tuple[int, ...] | None:
        """The shape of a picture's values after a Reshape or Squeeze; None if unknown, or if it mixes pictures."""
        if node.op == "Squeeze":
            axes = {axis % (len(shape) + 1) for axis in node.attr["squeeze_dims"].list.i}
            axes = axes or {at for at, size in enumerate(shape, 1) if size == 1}
            return None if 0 in axes else tuple(size for at, size in enumerate(shape, 1) if at not in axes)
        wanted = value(inputs_of(node)[1], self._translation.wiring.nodes) if node.op == "Reshape" else None
        if wanted is None or not len(wanted) or wanted[0] not in (-1, 1):
            return None
        own, total = [int(size) for size in wanted[1:]], int(np.prod(shape))
        if own.count(-1) == 1 and wanted[0] == 1:
            own[own.index(-1)] = total // -int(np.prod(own))
        return tuple(own) if np.prod(own) == total else None

    def layer(self, kind: str, **settings: object) -> keras.Layer:
        import keras

        return getattr(keras.layers, kind)(name=self._name(), **settings)

    def is_bottleneck(self) -> bool:
        return self.nodes[-1].name == self._translation.bottleneck

    def _name(self) -> str:
        """A name taken from the first node, but the output keeps its own."""
        names = self._translation.names
        if self.is_bottleneck():
            names.add(keras_files.BOTTLENECK)
            return keras_files.BOTTLENECK
        words = self.nodes[-1 if self.nodes[-1].name == self._translation.output else 0].name.split("/")
        plain = words
        while len(plain) > 1 and plain[-1] in _KINDS:
            plain = plain[:-1]
        stem = plain[-1] if len(plain) < len(words) else "_".join(words[-2:])
        stem = re.sub(r"[^A-Za-z0-9_.-]", "_", stem).lstrip("_-") or "layer"
        name, number = stem, 1
        while name in {*names, keras_files.BOTTLENECK}:
            name, number = f"{stem}_{number}", number + 1
        names.add(name)
        return name
