"""Makes shares of one for each label out of what classifiers from elsewhere give."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# Operations that give neither shares nor probabilities but logits, as TensorFlow and ONNX call them.
_LINEAR = {"MatMul", "Add", "AddV2", "Sub", "BiasAdd", "Conv2D", "Gemm", "Conv", "Relu"}

Scores = Callable[[np.ndarray], np.ndarray]


def as_they_are(values: np.ndarray) -> np.ndarray:
    """What gives shares already is left alone."""
    return values


def are_logits(output: str, operation: str | None) -> bool:
    """By the name of the output and by what computes it, where that is known."""
    return "logit" in output.lower() or operation in _LINEAR


def finish(logits: bool, outputs: int | None) -> tuple[Scores, int | None, str | None]:
    """From [n, outputs] to [n, labels], the number of labels, and what the user should know about it.

    A single value is that of the second of two labels, as Keras deals out classes in its binary mode.
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
        note = "gives one value a picture, taken as the score of the second label; the first has the rest"
    elif logits:
        note = "ends without a softmax: the scores are the softmax of its values"
    return scores, 2 if outputs == 1 else outputs, note
