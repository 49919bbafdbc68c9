"""Trains the final layer on bottlenecks, for a fixed number of random-batch steps, in a compiled loop."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from scripts.classifier.bottleneck_cache import BottleneckCache, Vectors
from scripts.classifier.errors import UserError
from scripts.classifier.image_lists import Photo

# The spread of the original's first weights.
_FIRST_WEIGHTS_STDDEV = 0.001

# One call of the compiled loop takes this many steps at most, and this many bytes of batches. Ctrl-C is
# noticed between calls; while one runs, the next one's batches are read.
_STEPS_A_CALL = 100
_BYTES_A_CALL = 32 << 20


@dataclass(frozen=True)
class Recipe:
    """How to train, with the original's defaults."""

    steps: int = 4000
    learning_rate: float = 0.01
    batch_size: int = 100
    validation_batch_size: int = 100  # -1: all validation photos each time
    eval_step_interval: int = 10
    seed: int = 0


@dataclass(frozen=True)
class Examples:
    """Bottlenecks, the label of each, as an index, and the photo that it is of."""

    vectors: Vectors
    labels: np.ndarray  # int32
    paths: list[str]

    @classmethod
    def of(cls, photos: list[Photo], keys: dict[str, list[bytes]], cache: BottleneckCache) -> Examples:
        """One example for each view of each photo."""
        each = [(photo, key) for photo in photos for key in keys[photo.path]]
        return cls(
            cache.vectors([key for _, key in each]),
            np.array([photo.label for photo, _ in each], np.int32),
            [photo.path for photo, _ in each],
        )

    def sample(self, count: int, seed: int) -> Examples:
        """`count` of them at random, or all where count is -1 or more than there are."""
        if count == -1 or count >= len(self):
            return self
        rows = np.sort(np.random.default_rng(seed).choice(len(self), count, replace=False))
        return Examples(self.vectors.at(rows), self.labels[rows], [self.paths[row] for row in rows])

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class FinalLayer:
    """softmax(bottleneck @ weights + biases)"""

    weights: np.ndarray  # [values, labels] float32
    biases: np.ndarray  # [labels] float32

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        logits = vectors @ self.weights + self.biases
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class Evaluation:
    """How training stood after a step: on that step's batch, and on a batch of validation photos if there are any."""

    step: int
    accuracy: float
    cross_entropy: float
    validation_accuracy: float | None
    validation_cross_entropy: float | None


class Trainer:
    """Plain gradient descent on the mean cross entropy, as the original did it."""

    def __init__(self, training: Examples, validation: Examples, label_count: int, recipe: Recipe):
        self.step = 0
        self._training, self._validation, self._recipe = training, validation, recipe
        whole = recipe.validation_batch_size == -1 or recipe.validation_batch_size >= len(validation)
        self._validation_size = len(validation) if whole else recipe.validation_batch_size
        # Each its own stream: how often is evaluated does not change what is trained on.
        weight_seed, batch_seed, validation_seed = np.random.SeedSequence(recipe.seed).spawn(3)
        self._batches = _BalancedBatches(training.labels, np.random.default_rng(batch_seed))
        self._validation_random = np.random.default_rng(validation_seed)
        first = np.random.default_rng(weight_seed).standard_normal((training.vectors.size, label_count), np.float32)
        # The original's truncated normal: what is beyond two deviations is drawn in.
        weights = first.clip(-2, 2) * np.float32(_FIRST_WEIGHTS_STDDEV)
        self._layer = FinalLayer(weights, np.zeros(label_count, np.float32))
        self._loop = _compile_loop(recipe.learning_rate)

    @property
    def layer(self) -> FinalLayer:
        return self._layer

    def run(self, pause_every: int | None = None) -> Iterator[list[Evaluation]]:
        """Takes all steps. Hands over now and then, at multiples of pause_every for certain.

        At each hand-over, `step` and `layer` are those reached. Evaluations are made after every
        eval_step_interval steps and after the last one.
        """
        calls = self._calls(pause_every)
        with ThreadPoolExecutor(1) as reader:
            upcoming = reader.submit(self._read, next(calls))
            while upcoming is not None:
                last_step, evaluated, tensors = upcoming.result()
                following = next(calls, None)
                upcoming = None if following is None else reader.submit(self._read, following)
                weights, biases, measures = self._loop(self._layer.weights, self._layer.biases, *tensors)
                self._layer = FinalLayer(weights.numpy(), biases.numpy())
                if not np.isfinite(self._layer.weights).all():
                    raise UserError(
                        f"training ran away to infinity before step {last_step}: give a --learning_rate below "
                        f"{self._recipe.learning_rate:g}"
                    )
                self.step = last_step
                yield self._evaluations(evaluated, measures.numpy())

    def _calls(self, pause_every: int | None) -> Iterator[tuple[int, int, list[int]]]:
        """(steps done before, steps done after, those to evaluate after) for each call of the loop."""
        steps, interval = self._recipe.steps, self._recipe.eval_step_interval
        bytes_a_step = 4 * self._training.vectors.size * (self._recipe.batch_size + self._validation_size / interval)
        most = max(1, min(_STEPS_A_CALL, int(_BYTES_A_CALL / bytes_a_step)))
        done = 0
        while done < steps:
            after = min(steps, done + most)
            if pause_every is not None:
                after = min(after, (done // pause_every + 1) * pause_every)
            yield done, after, [step for step in range(done + 1, after + 1) if step % interval == 0 or step == steps]
            done = after

    def _read(self, call: tuple[int, int, list[int]]):
        """The tensors for one call: batches, their labels, which steps to evaluate, and on what."""
        import tensorflow as tf

        done, after, evaluated = call
        count, size = after - done, self._training.vectors.size
        rows = self._batches.draw(count * self._recipe.batch_size)
        batches = self._training.vectors.take(rows).reshape(count, -1, size)
        labels = self._training.labels[rows].reshape(count, -1)
        # For each step, the number of its evaluation, or -1 for none.
        order = np.full(count, -1, np.int32)
        order[[step - done - 1 for step in evaluated]] = np.arange(len(evaluated))
        chosen = np.concatenate([self._validation_rows() for _ in evaluated] or [np.empty(0, np.int64)])
        held_out = self._validation.vectors.take(chosen).reshape(len(evaluated), self._validation_size, size)
        held_out_labels = self._validation.labels[chosen].reshape(len(evaluated), self._validation_size)
        return after, evaluated, [tf.constant(array) for array in (batches, labels, order, held_out, held_out_labels)]

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


class _BalancedBatches:
    """As the original drew: a label at random, then one of its photos, so that rare labels get as many turns."""

    def __init__(self, labels: np.ndarray, random: np.random.Generator):
        self._random = random
        self._by_label = np.argsort(labels, kind="stable")
        counts = np.bincount(labels)
        self._present = np.flatnonzero(counts)
        self._counts = counts[self._present]
        self._starts = np.concatenate([[0], np.cumsum(self._counts)[:-1]])

    def draw(self, count: int) -> np.ndarray:
        # Two numbers a photo, in one go: what is drawn does not depend on how many are drawn at once.
        for_label, for_photo = self._random.random((count, 2)).T
        which = (for_label * len(self._present)).astype(np.int64)
        return self._by_label[self._starts[which] + (for_photo * self._counts[which]).astype(np.int64)]


def _compile_loop(learning_rate: float):
    import tensorflow as tf

    def cross_entropy(weights, biases, vectors, labels):
        logits = tf.matmul(vectors, weights) + biases
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        return tf.reduce_mean(losses), logits

    def measure(weights, biases, vectors, labels):
        """Accuracy and cross entropy; not a number for an empty batch."""
        loss, logits = cross_entropy(weights, biases, vectors, labels)
        right = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), labels)
        return [tf.reduce_mean(tf.cast(right, tf.float32)), loss]

    def loop(weights, biases, batches, labels, order, held_out, held_out_labels):
        def body(step, weights, biases, measures):
            vectors, wanted = batches[step], labels[step]
            with tf.GradientTape() as tape:
                tape.watch([weights, biases])
                loss, _ = cross_entropy(weights, biases, vectors, wanted)
            for_weights, for_biases = tape.gradient(loss, [weights, biases])
            weights, biases = weights - learning_rate * for_weights, biases - learning_rate * for_biases

            def evaluate():
                at = order[step]
                row = measure(weights, biases, vectors, wanted)
                row += measure(weights, biases, held_out[at], held_out_labels[at])
                return tf.tensor_scatter_nd_update(measures, [[at]], [tf.stack(row)])

            return step + 1, weights, biases, tf.cond(order[step] >= 0, evaluate, lambda: measures)

        start = (0, weights, biases, tf.zeros([tf.shape(held_out)[0], 4]))
        _, weights, biases, measures = tf.while_loop(
            lambda step, *_: step < tf.shape(order)[0], body, start, parallel_iterations=1
        )
        return weights, biases, measures

    floats, whole = tf.float32, tf.int32
    return tf.function(
        loop, autograph=False,
        input_signature=[
            tf.TensorSpec([None, None], floats), tf.TensorSpec([None], floats),
            tf.TensorSpec([None, None, None], floats), tf.TensorSpec([None, None], whole), tf.TensorSpec([None], whole),
            tf.TensorSpec([None, None, None], floats), tf.TensorSpec([None, None], whole),
        ],
    )  # fmt: skip
