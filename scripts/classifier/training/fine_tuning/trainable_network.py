"""A backbone and its final layer as one trainable network, in a TensorFlow session."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...backbones.backbone import MEAN, STD, Backbone
from ...backbones.engine import GPU_BATCH, Engine, Room
from ...graphs.wiring import Wiring, known_value
from ..recipe import Recipe
from . import trainable_graph
from .unfreezing import Weights

# Smallest RMS assumed for a layer's weights. Otherwise those near 0, such as new biases, would hardly move.
_SMALLEST_SIZE = 1e-3
# Moving-average rate: averages about the last 30 steps.
_MEAN_FOLLOWS = 0.03

_ROWS_AT_ONCE = 32

_TOO_LITTLE_MEMORY = "train fewer layers with --fine_tune_from, or choose a smaller --architecture"


class TrainableNetwork:
    """Trains with Adam; step sizes are relative to the RMS weight of each layer.

    RMS weights differ a thousandfold between layers, above all if batch norms compensate for it.
    """

    def __init__(
        self, backbone: Backbone, layer: list[np.ndarray], weights: list[Weights], engine: Engine, recipe: Recipe
    ):
        """`layer` is FinalLayer.arrays: weights and biases in turn."""
        import tensorflow as tf

        from .. import descent

        v1 = tf.compat.v1
        nodes = {node.name: node for node in backbone.graph_def.node}
        self._constants = list(dict.fromkeys(each.constant for each in weights))
        firsts = [*(known_value(name, nodes) for name in self._constants), *layer]
        rewritten, scales = trainable_graph.rewrite(backbone.graph_def, backbone.bottleneck_name)
        wiring, computed = Wiring(rewritten), engine.prepared(rewritten, backbone.bottleneck_name)
        with engine.graph() as graph:
            self._pictures = v1.placeholder(tf.uint8, [None, backbone.input_size, backbone.input_size, 3])
            self._labels, self._number = v1.placeholder(tf.int32, [None]), v1.placeholder(tf.int32, [])
            self._rate = v1.placeholder(tf.float32, [])
            pixels = (tf.cast(self._pictures, tf.float32) - MEAN) * (1 / STD)

            def run(now: list[tf.Tensor], **dropout) -> tf.Tensor:
                """The logits with these weights: the backbone's first, then the final layer's."""
                moved = dict(zip(self._constants, now, strict=False))
                given = _scaled({each.read_as: moved[each.constant] for each in weights}, wiring, scales)
                own = type(computed)()
                own.CopyFrom(computed)  # importing adds default attributes to its argument
                (vectors,) = tf.graph_util.import_graph_def(
                    own,
                    {"input:0": pixels, **{f"{name}:0": tensor for name, tensor in given.items()}},
                    [f"{backbone.bottleneck_name}:0"],
                    name="",
                )
                return descent.scores(now[len(self._constants) :], vectors, **dropout)

            self._means = [v1.Variable(each, use_resource=True) for each in firsts]
            self._scores = run([each.read_value() for each in self._means])
            variables = [v1.Variable(each, use_resource=True) for each in firsts]
            now = [each.read_value() for each in variables]
            seed = tf.stack([recipe.seed % 2**31, self._number])
            logits = run(now, dropout=recipe.dropout, seed=seed)
            loss = descent.cross_entropy(logits, self._labels, recipe.label_smoothing)
            gradients = descent.unscaled(tf.gradients(descent.scaled(loss, engine.precision), now), engine.precision)
            self._measures = descent.measure(logits, self._labels)
            steps = [
                self._move(*each, recipe.weight_decay)
                for each in zip(variables, self._means, firsts, gradients, strict=True)
            ]
            self._step = tf.group(*steps, *self._measures)
            start = v1.global_variables_initializer()
        self._session = engine.session(graph)
        self._room = Room(engine, _ROWS_AT_ONCE if engine.gpu is None else GPU_BATCH, _TOO_LITTLE_MEMORY)
        with engine.guarded(_TOO_LITTLE_MEMORY):
            self._session.run(start)

    def train(self, pictures: np.ndarray, labels: np.ndarray, number: int, rate: float) -> list[float]:
        """Takes step `number`, counted from 1. Returns accuracy and cross entropy on the batch before the step."""

        def step(most: int) -> list[float]:
            photos = {self._pictures: pictures[:most], self._labels: labels[:most]}
            given = {**photos, self._number: number, self._rate: rate}
            return self._session.run([self._measures, self._step], given)[0]

        return self._room.fit(step)

    def scores(self, pictures: np.ndarray) -> np.ndarray:
        """Logits with the averaged weights."""

        def in_parts(most: int) -> np.ndarray:
            parts = [pictures[at : at + most] for at in range(0, len(pictures), most)]
            return np.concatenate([self._session.run(self._scores, {self._pictures: part}) for part in parts])

        return self._room.fit(in_parts)

    def means(self) -> tuple[Mapping[str, np.ndarray], list[np.ndarray]]:
        """The weights averaged over the last steps: the backbone's by constant, and the final layer's arrays."""
        values = self._session.run(self._means)
        return dict(zip(self._constants, values, strict=False)), values[len(self._constants) :]

    def close(self) -> None:
        self._session.close()

    def _move(self, variable, mean, first: np.ndarray, gradient, weight_decay: float):
        """The operation that updates a variable, and then its moving average."""
        import tensorflow as tf

        from .. import descent

        slots = [tf.compat.v1.Variable(np.zeros_like(first), use_resource=True) for _ in range(2)]
        size = max(float(np.sqrt(np.square(first).mean())), _SMALLEST_SIZE)
        with tf.control_dependencies([gradient]):
            moved = descent.apply_adam(variable, slots, self._number, self._rate * size, gradient)
        with tf.control_dependencies([moved]):
            if weight_decay and first.ndim > 1:
                moved = variable.assign(variable.read_value() * (1 - self._rate * weight_decay))
        with tf.control_dependencies([moved]):
            return mean.assign_add(_MEAN_FOLLOWS * (variable.read_value() - mean.read_value()))


def _scaled(moved: dict[str, object], wiring: Wiring, scales: dict[str, np.ndarray]) -> dict[str, object]:
    """The weights to feed: all kernels, frozen ones too, times the scales taken out of the rewritten graph."""
    import tensorflow as tf

    given = dict(moved)
    for name, scale in scales.items():
        kernel = known_value(name, wiring.nodes)
        per_channel = scale if wiring.readers[name][0].op == "Conv2D" else scale.reshape(kernel.shape[2:])
        given[name] = tf.convert_to_tensor(given.get(name, kernel) * per_channel)
    return given
