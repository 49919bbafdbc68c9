"""Turns the outputs of classifiers from elsewhere into one probability per label."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

# Operations, as TensorFlow and ONNX call them, that give logits and not probabilities.
_LINEAR = {"MatMul", "Add", "AddV2", "Sub", "BiasAdd", "Conv2D", "Gemm", "Conv", "Relu"}

Scores = Callable[[np.ndarray], np.ndarray]


def as_they_are(values: np.ndarray) -> np.ndarray:
    """For classifiers that give probabilities already."""
    return values


def are_logits(output: str, operation: str | None) -> bool:
    """Judged by the output's name and the operation that computes it, if known."""
    return "logit" in output.lower() or operation in _LINEAR


def finish(logits: bool, outputs: int | None) -> tuple[Scores, int | None, str | None]:
    """A function from [n, outputs] to [n, labels], the number of labels, and a note for the user.

    A single value is the score of the second of two labels, as in Keras' binary mode.
    """

    def scores(values: np.ndarray) -> np.ndarray:
        values = values.astype(np.float32, copy=False)
        if values.ndim == 2 and values.shape[1] == 1:
            second = 1 / (1 + np.exp(-values.clip(-80, 80))) if logits else values
            return np.concatenate([1 - second, second], axis=1)
        if logits:
            odds = np.exp(values - values.max(axis=-1, keepdims=True))
            return odds / odds.sum(axis=-1, keepdims=True)
        return values

    note = None
    if outputs == 1:
        note = "gives one value per picture: it is taken as the score of the second label, and the first gets the rest"
    elif logits:
        note = "ends without a softmax: one is applied to its values"
    return scores, 2 if outputs == 1 else outputs, note


def finish_in_graph(values: tf.Tensor, logits: bool) -> tf.Tensor:
    """The same inside a TensorFlow graph."""
    import tensorflow as tf

    values = tf.cast(values, tf.float32)
    if values.shape[1] == 1:
        second = tf.sigmoid(values) if logits else values
        return tf.concat([second * -1 + 1, second], 1)  # OpenCV's importer reads `1 - second` as `second - 1`
    return tf.nn.softmax(values) if logits else values
