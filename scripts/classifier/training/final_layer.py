"""Trains the final layer on random batches of bottlenecks, in a compiled loop."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from .. import lookahead
from ..backbones.engine import CPU
from ..errors import UserError
from . import first_weights
from .examples import Examples, random_batches
from .recipe import Recipe

# Limits for one call of the compiled loop. Ctrl-C is noticed between calls. While one runs, the batches of the next
# are read.
_STEPS_A_CALL = 100
_BYTES_A_CALL = 32 << 20
_CALLS_AHEAD = 2

# Bottlenecks sampled to estimate the RMS of all values.
_ENOUGH_FOR_SCALE = 1000


@dataclass(frozen=True)
class Dense:
    """values @ weights + biases"""

    weights: np.ndarray  # [values in, values out] float32
    biases: np.ndarray  # [values out] float32


@dataclass(frozen=True)
class FinalLayer:
    """softmax(values @ weights + biases), where the values are the bottleneck or the last hidden layer's output."""

    weights: np.ndarray  # [values, labels] float32
    biases: np.ndarray  # [labels] float32
    hidden: tuple[Dense, ...] = ()  # each followed by a rectifier (ReLU)

    @classmethod
    def of(cls, arrays: list[np.ndarray]) -> FinalLayer:
        """From weights, biases, weights, biases ..., first layer first."""
        pairs = list(zip(arrays[::2], arrays[1::2], strict=True))
        return cls(*pairs[-1], tuple(Dense(*pair) for pair in pairs[:-1]))

    @property
    def arrays(self) -> list[np.ndarray]:
        layers: tuple[Dense | FinalLayer, ...] = (*self.hidden, self)
        return [each for layer in layers for each in (layer.weights, layer.biases)]

    def cooled(self, temperature: float) -> FinalLayer:
        """The layer whose logits are these, divided by the temperature."""
        return replace(
            self, weights=self.weights / np.float32(temperature), biases=self.biases / np.float32(temperature)
        )

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        for layer in self.hidden:
            vectors = np.maximum(vectors @ layer.weights + layer.biases, 0)
        return vectors @ self.weights + self.biases

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        logits = self.logits(vectors)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class Evaluation:
    """Accuracy and loss after a step, on that step's batch and on a batch of validation photos if there are any."""

    step: int
    accuracy: float
    cross_entropy: float
    validation_accuracy: float | None
    validation_cross_entropy: float | None


class Trainer:
    """Gradient descent on the mean cross entropy. The defaults follow the original retrain."""

    def __init__(self, training: Examples, validation: Examples, label_count: int, recipe: Recipe):
        import tensorflow as tf

        from . import descent

        if recipe.early_stopping is not None and not len(validation):
            raise UserError("--early_stopping needs validation photos, and there are none: add some")
        self._validation, self._recipe = validation, recipe
        # Early stopping compares evaluations, so all of them use the same photos: all there are.
        whole = recipe.early_stopping is not None or not 0 <= recipe.validation_batch_size < len(validation)
        self._validation_size = len(validation) if whole else recipe.validation_batch_size
        self._sizes = (training.vectors.size, *recipe.hidden_units, label_count)
        dropout_seed = self._seeds()[3]
        with tf.device(CPU):
            self._layers = [tf.Variable(each) for each in self._first_arrays()]
            self._optimizer = descent.Optimizer(self._layers, recipe)
            self._loop = descent.compile_loop(
                self._layers, self._optimizer, recipe, int(dropout_seed.generate_state(1)[0] >> 1)
            )
        self._begin(training)

    def start_over(self, training: Examples) -> None:
        """From the first step, with other training photos: as a new Trainer, but without compiling the loop again."""
        for layer, first in zip(self._layers, self._first_arrays(), strict=True):
            layer.assign(first)
        self._optimizer.start_over()
        self._begin(training)

    def _begin(self, training: Examples) -> None:
        recipe = self._recipe
        _, batch_seed, validation_seed, _ = self._seeds()
        self.step = 0
        self.best_step: int | None = None  # with early stopping, the step that `best` comes from
        self._training = training
        self._batches = random_batches(training.labels, recipe.class_weights, np.random.default_rng(batch_seed))
        self._validation_random = np.random.default_rng(validation_seed)
        self._scale = np.float32(1 / _rms(training, recipe.seed) if recipe.evens_out_scale else 1)
        self._best: FinalLayer | None = None
        self._layer = self._reached()

    def _seeds(self) -> list[np.random.SeedSequence]:
        """Of weights, batches, validation and dropout: the evaluation interval does not change the training batches."""
        return np.random.SeedSequence(self._recipe.seed).spawn(4)

    def _first_arrays(self) -> Iterator[np.ndarray]:
        return first_weights.draw(self._sizes, np.random.default_rng(self._seeds()[0]))

    @property
    def layer(self) -> FinalLayer:
        """The current layer."""
        return self._layer

    @property
    def best(self) -> FinalLayer:
        """With early stopping, the layer with the lowest validation cross entropy; otherwise the current layer."""
        return self._layer if self._best is None else self._best

    @property
    def stopped_early(self) -> bool:
        """True if early stopping ran out of patience before the last step."""
        patience = self._recipe.early_stopping
        if patience is None or self.best_step is None or self.step == self._recipe.steps:
            return False
        return self.step - self.best_step >= patience * self._recipe.eval_step_interval

    def run(self, pause_every: int | None = None) -> Iterator[list[Evaluation]]:
        """Takes all steps, or fewer with early stopping. Yields now and then, and always at multiples of pause_every.

        `step` and `layer` are up to date at each yield. Evaluations are made after every eval_step_interval steps and
        after the last one.
        """
        lowest = math.inf
        with (
            ThreadPoolExecutor(1) as reader,
            contextlib.closing(lookahead.results(reader, self._read, self._calls(pause_every), _CALLS_AHEAD)) as calls,
        ):
            for last_step, evaluated, tensors in calls:
                measures = self._loop(self.step, *tensors)
                layer = self._reached()
                if not all(np.isfinite(each).all() for each in layer.arrays):
                    raise UserError(
                        f"training diverged before step {last_step} (the weights are infinite): give a "
                        f"--learning_rate below {self._recipe.rate:g}"
                    )
                self._layer, self.step = layer, last_step
                evaluations = self._evaluations(evaluated, measures.numpy())
                # With early stopping a call ends at each evaluation.
                found = evaluations[-1].validation_cross_entropy if evaluations else None
                if self._recipe.early_stopping is not None and found is not None and found < lowest:
                    lowest, self._best, self.best_step = found, layer, last_step
                yield evaluations
                if self.stopped_early:
                    return

    def _reached(self) -> FinalLayer:
        first, *others = [each.numpy() for each in self._layers]
        return FinalLayer.of([first * self._scale if self._scale != 1 else first, *others])

    def _calls(self, pause_every: int | None) -> Iterator[tuple[int, int, list[int]]]:
        """(steps done before, steps done after, the steps to evaluate after) for each call of the loop."""
        steps, interval = self._recipe.steps, self._recipe.eval_step_interval
        bytes_a_step = 4 * self._training.vectors.size * (self._recipe.batch_size + self._validation_size / interval)
        most = max(1, min(_STEPS_A_CALL, int(_BYTES_A_CALL / bytes_a_step)))
        ends = [] if pause_every is None else [pause_every]
        if self._recipe.early_stopping is not None:
            ends.append(interval)
        done = 0
        while done < steps:
            after = min(steps, done + most, *((done // every + 1) * every for every in ends))
            yield done, after, [step for step in range(done + 1, after + 1) if step % interval == 0 or step == steps]
            done = after

    def _read(self, call: tuple[int, int, list[int]]):
        """The tensors for one call: batches, their labels, which steps to evaluate, and the photos for that."""
        import tensorflow as tf

        done, after, evaluated = call
        count, size = after - done, self._training.vectors.size
        rows = self._batches.draw(count * self._recipe.batch_size)
        batches = self._take(self._training, rows).reshape(count, -1, size)
        labels = _labels(self._training, rows).reshape(count, -1)
        # For each step, the number of its evaluation, or -1 for none.
        order = np.full(count, -1, np.int32)
        order[[step - done - 1 for step in evaluated]] = np.arange(len(evaluated))
        chosen = np.concatenate([self._validation_rows() for _ in evaluated] or [np.empty(0, np.int64)])
        held_out = self._take(self._validation, chosen).reshape(len(evaluated), self._validation_size, size)
        held_out_labels = _labels(self._validation, chosen).reshape(len(evaluated), self._validation_size)
        arrays = batches, labels, order, held_out, held_out_labels
        with tf.device(CPU):
            return after, evaluated, [tf.constant(array) for array in arrays]

    def _take(self, examples: Examples, rows: np.ndarray) -> np.ndarray:
        vectors = examples.vectors.take(rows)
        if self._scale != 1:
            vectors *= self._scale
        return vectors

    def _validation_rows(self) -> np.ndarray:
        if self._validation_size == len(self._validation):
            return np.arange(len(self._validation))
        return self._validation_random.choice(len(self._validation), self._validation_size, replace=False)

    def _evaluations(self, steps: list[int], measures: np.ndarray) -> list[Evaluation]:
        def number(value: float) -> float | None:
            return None if math.isnan(value) else float(value)

        return [
            Evaluation(step, float(row[0]), float(row[1]), number(row[2]), number(row[3]))
            for step, row in zip(steps, measures, strict=True)
        ]


def _labels(examples: Examples, rows: np.ndarray) -> np.ndarray:
    return examples.labels[rows].astype(np.int32)


def _rms(examples: Examples, seed: int) -> float:
    """The RMS of all values, estimated from a sample; 1 if they are all 0."""
    some = examples.sample(_ENOUGH_FOR_SCALE, seed)
    values = some.vectors.take(np.arange(len(some)))
    return float(np.sqrt(np.square(values, dtype=np.float64).mean())) or 1.0
