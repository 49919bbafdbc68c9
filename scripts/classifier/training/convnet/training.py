"""Trains a network epoch by epoch and keeps its best weights."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import tensorflow as tf

from ... import lookahead
from ...backbones.engine import Engine
from ...errors import UserError
from ...showing import Advance, Show
from .. import descent
from ..final_layer import Evaluation
from . import architectures
from .pictures import CnnExamples
from .recipes import BASIC, CnnRecipe
from .verdict import best_epoch

# For `deep`: SGD with momentum and a learning rate that rises for a quarter of the training and then falls to 0. Ten
# epochs of it get as far as fifty at a constant learning rate.
_PEAK_LEARNING_RATE, _RISING_SHARE, _MOMENTUM, _WEIGHT_DECAY = 0.1, 0.25, 0.9, 5e-3
_LABEL_SMOOTHING = 0.1

# Batches prepared while the network trains on another.
_AHEAD = 2


class CnnTrainer:
    """Trains epoch by epoch; `history` has an entry for each finished epoch."""

    def __init__(
        self, training: CnnExamples, validation: CnnExamples, label_count: int, engine: Engine, recipe: CnnRecipe
    ):
        self.training, self.validation = training, validation
        self.engine, self.recipe = engine, recipe
        self.history: list[Evaluation] = []
        self.model = architectures.build(recipe, label_count, engine.precision)
        self.best_weights = self.model.get_weights()
        self.steps_an_epoch = -(-len(training) // recipe.batch_size)
        self._optimizer = _optimizer(recipe, self.steps_an_epoch)
        self._optimizer.build(self.model.trainable_variables)
        smoothing = 0.0 if recipe.network == BASIC else _LABEL_SMOOTHING
        self._train_step, self._evaluate = _compile(
            self.model, self._optimizer, label_count, smoothing, engine.precision
        )
        # One for all epochs: Python drops a Ctrl-C that comes while a pool shuts down.
        self._reader = ThreadPoolExecutor(1)

    @property
    def best_epoch(self) -> int:
        """The epoch, counted from 1, with the highest validation accuracy, whose weights are kept."""
        return best_epoch(self.history)

    @property
    def best_step(self) -> int:
        return self.best_epoch * self.steps_an_epoch

    @property
    def state(self) -> list[tf.Variable]:
        """All state carried from epoch to epoch: weights, random generators, optimizer slots."""
        return [*self.model.variables, *self._optimizer.variables]

    def run(self, show: Callable[[int], Show]) -> Iterator[Evaluation]:
        """Runs the remaining epochs. `show` gives the progress bar of an epoch from its number."""
        while not self.ended:
            with show(len(self.history) + 1)(len(self.training)) as advance:
                self._run_epoch(advance)
            yield self.history[-1]

    def _run_epoch(self, advance: Advance) -> None:
        order = np.random.default_rng([self.recipe.seed, len(self.history)]).permutation(len(self.training))
        right = loss = seen = 0.0
        for pixels, labels in _batches(self._reader, self.training, order, self.recipe.batch_size):
            batch_loss, batch_right = self._train_step(pixels, labels)
            seen += len(labels)
            loss, right = loss + float(batch_loss), right + float(batch_right)
            if not np.isfinite(loss):
                raise UserError("training diverged (the loss is infinite): try another --seed, or --precision=float32")
            advance(len(labels), note=f"accuracy {100 * right / seen:.1f} %")
        step = (len(self.history) + 1) * self.steps_an_epoch
        with self._averaged():
            self.history.append(Evaluation(step, right / seen, loss / seen, *self._validate()))
            if self.best_epoch == len(self.history):
                self.best_weights = self.model.get_weights()

    @contextlib.contextmanager
    def _averaged(self) -> Iterator[None]:
        """Swaps in the weights' moving average over about the last epoch."""
        if not self._optimizer.use_ema:
            yield
            return
        variables = self.model.trainable_variables
        own = [each.numpy() for each in variables]
        self._optimizer.finalize_variable_values(variables)
        try:
            yield
        finally:
            for variable, value in zip(variables, own, strict=True):
                variable.assign(value)

    @property
    def ended(self) -> bool:
        patience = self.recipe.patience
        waited = len(self.history) - self.best_epoch
        return len(self.history) >= self.recipe.epochs or (patience is not None and waited >= patience)

    def _validate(self) -> tuple[float | None, float | None]:
        """Accuracy and cross entropy on the validation photos, if there are any."""
        count = len(self.validation)
        if not count:
            return None, None
        batches = _batches(self._reader, self.validation, np.arange(count), self.recipe.batch_size)
        losses, rights = zip(*(self._evaluate(*batch) for batch in batches), strict=True)
        return float(sum(map(float, rights))) / count, float(sum(map(float, losses))) / count


def _batches(
    reader: ThreadPoolExecutor, examples: CnnExamples, order: np.ndarray, size: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pixels and labels; the next batches are read while the network works on one."""

    def read(at: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = order[at : at + size]
        return examples.pictures.take(examples.rows[chosen]), examples.labels[chosen]

    return lookahead.results(reader, read, range(0, len(order), size), _AHEAD + 1)


def _optimizer(recipe: CnnRecipe, steps_an_epoch: int) -> keras.Optimizer:
    if recipe.network == BASIC:
        # At a constant learning rate weights wander around the optimum; their average is closer to it.
        return _Adam(name="adam", use_ema=True, ema_momentum=1 - 1 / (steps_an_epoch + 1))
    optimizer = keras.optimizers.SGD(
        _OneCycle(recipe.epochs * steps_an_epoch), momentum=_MOMENTUM, nesterov=True, weight_decay=_WEIGHT_DECAY
    )
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    return optimizer


class _Adam(keras.optimizers.Adam):
    """Keras' own Adam, by TensorFlow's fused operation: it goes through the memory once, Keras' own several times."""

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step,
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, tf.float32),
        )


class _OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, steps: int):
        self.steps = steps

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        done = (tf.cast(step, tf.float32) + 1) / self.steps
        return _PEAK_LEARNING_RATE * tf.maximum(tf.minimum(done / _RISING_SHARE, (1 - done) / (1 - _RISING_SHARE)), 0.0)


def _compile(model: keras.Model, optimizer: keras.Optimizer, label_count: int, smoothing: float, precision: str):
    """A training step and an evaluation; both return the sum of losses and the number of correct photos."""
    signature = [tf.TensorSpec([None, *model.input_shape[1:]], tf.uint8), tf.TensorSpec([None], tf.int32)]

    def measure(pixels: tf.Tensor, labels: tf.Tensor, training: bool) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        logits = model(tf.cast(pixels, tf.float32), training=training)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        objective = losses
        if smoothing:
            objective = tf.nn.softmax_cross_entropy_with_logits(
                labels=smoothing / label_count + (1 - smoothing) * tf.one_hot(labels, label_count), logits=logits
            )
        right = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), labels)
        return tf.reduce_mean(objective), tf.reduce_sum(losses), tf.reduce_sum(tf.cast(right, tf.float32))

    @tf.function(input_signature=signature, autograph=False)
    def train_step(pixels: tf.Tensor, labels: tf.Tensor):
        with tf.GradientTape() as tape:
            objective, loss, right = measure(pixels, labels, training=True)
            objective = descent.scaled(objective, precision)
        variables = model.trainable_variables
        gradients = descent.unscaled(tape.gradient(objective, variables), precision)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss, right

    @tf.function(input_signature=signature, autograph=False)
    def evaluate(pixels: tf.Tensor, labels: tf.Tensor):
        return measure(pixels, labels, training=False)[1:]

    return train_step, evaluate
