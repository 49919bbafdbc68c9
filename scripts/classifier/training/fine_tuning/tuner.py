"""Fine-tunes a backbone's weights together with its final layer, on distorted photos."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...backbones.backbone import Backbone
from ...backbones.engine import GPU_BATCH, Engine
from ...backbones.network import LARGE_BATCH
from ...errors import UserError
from ...photos.distortions import Distortions
from ..final_layer import Evaluation, FinalLayer
from ..recipe import Recipe
from . import unfreezing
from .trainable_network import TrainableNetwork
from .unfreezing import Weights

# The default: without distortions the network soon memorises the photos. Enlarging them did better than cropping.
DISTORTIONS = Distortions(flip_left_right=True, random_scale=80, random_brightness=20)

# How often to evaluate, and on how many validation photos at most.
_EVALUATIONS = 10
_MOST_HELD_OUT = 1000

_BATCH = 32


@dataclass(frozen=True)
class Tuning:
    steps: int
    # Step size relative to the layer's RMS weight; decays to 0.
    learning_rate: float = 0.001
    start: str | None = None  # layers before this one stay frozen; None: all are fine-tuned
    distortions: Distortions = DISTORTIONS  # of training photos


class HeldOut(NamedTuple):
    """The validation photos for evaluating fine-tuning."""

    pictures: np.ndarray  # [photos, size, size, 3] uint8
    labels: np.ndarray


class FineTuner:
    """Fine-tunes a backbone and its final layer.

    The weights it returns are moving averages over the last steps, which are less noisy than those of any one step.
    """

    def __init__(
        self,
        backbone: Backbone,
        layer: FinalLayer,
        weights: list[Weights],
        engine: Engine,
        recipe: Recipe,
        tuning: Tuning,
        held_out: HeldOut,
    ):
        self.step = self.best_step = 0
        self.batch_size = _batch_size(backbone, engine)
        self._tuning, self._frozen = tuning, backbone
        self._held_out = held_out
        self._network = TrainableNetwork(backbone, layer.arrays, weights, engine, recipe)
        self._best = backbone, layer
        self._best_accuracy = self._evaluate()[0] if len(held_out.labels) else 0.0

    @property
    def best(self) -> tuple[Backbone, FinalLayer]:
        """The latest weights with a validation accuracy within a standard deviation of the highest so far.

        The starting point counts too: if all later weights are worse, best_step is 0. Without validation photos, simply
        the latest.
        """
        return self._best

    def run(self, batches: Iterator[tuple[np.ndarray, np.ndarray]]) -> Iterator[list[Evaluation]]:
        """Yields after every step, with an evaluation if one was made."""
        steps = self._tuning.steps
        every, seen = max(1, steps // _EVALUATIONS), []
        for number in range(1, steps + 1):
            rate = self._tuning.learning_rate * (1 - (number - 1) / steps)
            seen.append(self._network.train(*next(batches), number, rate))
            self.step = number
            if not np.isfinite(seen[-1]).all():
                raise UserError(
                    f"fine-tuning diverged at step {number} (the loss is infinite): give a "
                    f"--fine_tune_learning_rate below {self._tuning.learning_rate:g}"
                )
            if number % every and number != steps:
                yield []
            else:
                accuracy, loss = np.mean(seen, axis=0).tolist()
                yield [Evaluation(number, accuracy, loss, *self.settle())]
                seen = []

    def settle(self) -> tuple[float | None, float | None]:
        """Keeps the current weights unless `best` is clearly better; returns validation accuracy and cross entropy."""
        accuracy, loss = self._evaluate() if len(self._held_out.labels) else (None, None)
        # Cross entropy would not do: it is lowest early, when scores are cautious and accuracy is lower. The learning
        # rate decays, so later weights are better, and a lucky photo or two is no reason to go back.
        if accuracy is None or accuracy >= self._best_accuracy - self._accuracy_deviation():
            self._best, self.best_step = self.reached(), self.step
        self._best_accuracy = max(self._best_accuracy, accuracy or 0.0)
        return accuracy, loss

    def _accuracy_deviation(self) -> float:
        """The standard deviation of the best accuracy."""
        return math.sqrt(self._best_accuracy * (1 - self._best_accuracy) / len(self._held_out.labels))

    def reached(self) -> tuple[Backbone, FinalLayer]:
        moved, layer = self._network.means()
        return unfreezing.with_weights(self._frozen, moved), FinalLayer.of(layer)

    def close(self) -> None:
        self._network.close()

    def _evaluate(self) -> tuple[float, float]:
        logits, labels = self._network.scores(self._held_out.pictures), self._held_out.labels
        shifted = logits - logits.max(axis=1, keepdims=True)
        losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]
        return float((logits.argmax(axis=1) == labels).mean()), float(losses.mean())


def _batch_size(backbone: Backbone, engine: Engine) -> int:
    if engine.gpu is not None:
        return GPU_BATCH
    return LARGE_BATCH if backbone.large else _BATCH


def held_out_rows(count: int, seed: int) -> np.ndarray:
    """Random rows of `count` validation photos: all, or _MOST_HELD_OUT of them."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:_MOST_HELD_OUT])
