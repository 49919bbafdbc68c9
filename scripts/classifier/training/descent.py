"""The parts of a training step in TensorFlow: layers, loss and optimizers."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from ..backbones.engine import CPU
from .recipe import ADAM, MOMENTUM, Recipe

_MOMENTUM = 0.9
# Adam's usual settings.
_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-7

# float16 would round most gradients of a whole network to 0, so they are computed this many times too large.
_FLOAT16_SCALE = 1024.0


def scores(layers: Sequence[tf.Tensor], values: tf.Tensor, dropout: float = 0.0, seed: tf.Tensor | None = None):
    """Logits of layers given as weights, biases, weights, biases ..., with a rectifier (ReLU) between them.

    `dropout` is the share of values dropped before each layer but the first, or, if there is only one layer, from
    the bottleneck. `seed`, [2] int32, decides which.
    """
    last = len(layers) // 2 - 1
    for number in range(last + 1):
        if dropout and (number > 0 or last == 0):
            drawn = tf.random.stateless_uniform(tf.shape(values), seed + tf.constant([0, number]))
            values = tf.where(drawn < dropout, 0.0, values * (1 / (1 - dropout)))
        values = tf.matmul(values, layers[2 * number]) + layers[2 * number + 1]
        if number < last:
            values = tf.nn.relu(values)
    return values


def cross_entropy(logits: tf.Tensor, labels: tf.Tensor, smoothing: float = 0.0) -> tf.Tensor:
    """The mean over the batch; `smoothing` is the share of the target that is spread evenly over all labels."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    if smoothing:
        spread = tf.reduce_logsumexp(logits, axis=1) - tf.reduce_mean(logits, axis=1)
        losses = (1 - smoothing) * losses + smoothing * spread
    return tf.reduce_mean(losses)


def measure(logits: tf.Tensor, labels: tf.Tensor) -> list[tf.Tensor]:
    """Accuracy and cross entropy; NaN for an empty batch."""
    right = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), labels)
    return [tf.reduce_mean(tf.cast(right, tf.float32)), cross_entropy(logits, labels)]


def apply_adam(variable, slots: Sequence, step: tf.Tensor, rate, gradient: tf.Tensor):
    """The update for step `step`, counted from 1. `slots` are two variables that start as zeros."""
    at = tf.cast(step, tf.float32)
    return tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=slots[0].handle,
        v=slots[1].handle,
        beta1_power=_BETA_1**at,
        beta2_power=_BETA_2**at,
        lr=rate,
        beta1=_BETA_1,
        beta2=_BETA_2,
        epsilon=_EPSILON,
        grad=gradient,
    )


def scaled(loss: tf.Tensor, precision: str) -> tf.Tensor:
    """The loss to differentiate if a network computes in this precision."""
    return loss * _FLOAT16_SCALE if precision == "float16" else loss


def unscaled(gradients: Sequence[tf.Tensor], precision: str) -> list[tf.Tensor]:
    """The gradients of the loss from those of the scaled one. What float16 cannot hold does not move its weight."""
    if precision != "float16":
        return list(gradients)
    return [tf.where(tf.math.is_finite(each), each / _FLOAT16_SCALE, 0.0) for each in gradients]


class Optimizer:
    """Updates variables in place."""

    def __init__(self, variables: Sequence[tf.Variable], recipe: Recipe):
        self._variables, self._recipe = variables, recipe
        slots = {MOMENTUM: 1, ADAM: 2}.get(recipe.optimizer, 0)
        self._slots = [[tf.Variable(tf.zeros_like(each)) for _ in range(slots)] for each in variables]

    def start_over(self) -> None:
        for slots in self._slots:
            for slot in slots:
                slot.assign(tf.zeros_like(slot))

    def apply(self, gradients: Sequence[tf.Tensor], step: tf.Tensor) -> None:
        """`step` counts from 1."""
        recipe, operations = self._recipe, tf.raw_ops
        for variable, slots, gradient in zip(self._variables, self._slots, gradients, strict=True):
            if recipe.weight_decay and variable.shape.rank > 1:  # biases do not decay
                variable.assign(variable * (1 - recipe.rate * recipe.weight_decay))
            if recipe.optimizer == ADAM:
                apply_adam(variable, slots, step, recipe.rate, gradient)
            elif recipe.optimizer == MOMENTUM:
                operations.ResourceApplyMomentum(
                    var=variable.handle, accum=slots[0].handle, lr=recipe.rate, grad=gradient, momentum=_MOMENTUM
                )
            else:
                operations.ResourceApplyGradientDescent(var=variable.handle, alpha=recipe.rate, delta=gradient)


def compile_loop(layers: Sequence[tf.Variable], optimizer: Optimizer, recipe: Recipe, dropout_seed: int):
    """A function that takes a step on each batch, and evaluates after the steps whose `order` is not -1."""

    def loop(done, batches, labels, order, held_out, held_out_labels):
        def body(step, measures):
            vectors, wanted, now = batches[step], labels[step], [each.read_value() for each in layers]
            with tf.GradientTape() as tape:
                tape.watch(now)
                logits = scores(now, vectors, recipe.dropout, tf.stack([dropout_seed, done + step]))
                loss = cross_entropy(logits, wanted, recipe.label_smoothing)
            optimizer.apply(tape.gradient(loss, now), done + step + 1)

            def evaluate():
                at, reached = order[step], [each.read_value() for each in layers]
                row = measure(scores(reached, vectors), wanted)
                row += measure(scores(reached, held_out[at]), held_out_labels[at])
                return tf.tensor_scatter_nd_update(measures, [[at]], [tf.stack(row)])

            return step + 1, tf.cond(order[step] >= 0, evaluate, lambda: measures)

        # Steps this small would be slower on a GPU.
        with tf.device(CPU):
            start = (0, tf.zeros([tf.shape(held_out)[0], 4]))
            return tf.while_loop(lambda step, _: step < tf.shape(order)[0], body, start, parallel_iterations=1)[1]

    floats, whole = tf.float32, tf.int32
    return tf.function(
        loop,
        autograph=False,
        input_signature=[
            tf.TensorSpec([], whole),
            tf.TensorSpec([None, None, None], floats),
            tf.TensorSpec([None, None], whole),
            tf.TensorSpec([None], whole),
            tf.TensorSpec([None, None, None], floats),
            tf.TensorSpec([None, None], whole),
        ],
    )
