"""Goes on training with the backbone's own weights, a little, on distorted photos."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...backbones.backbone import Backbone
from ...backbones.network import LARGE_BATCH
from ...errors import UserError
from ...photos.distortions import Distortions
from ..final_layer import Evaluation, FinalLayer
from ..recipe import Recipe
from . import unfreezing
from .trainable_network import TrainableNetwork
from .unfreezing import Weights

# Where the user asks for none. Without any, the network would soon know the photos by heart; of crops, which add
# empty margins to what is cut off, enlarging alone did better.
DISTORTIONS = Distortions(flip_left_right=True, random_scale=80, random_brightness=20)

# How often the validation photos are looked at, and how many of them at most.
_EVALUATIONS = 10
_MOST_HELD_OUT = 1000

_BATCH = 32


@dataclass(frozen=True)
class Tuning:
    steps: int
    # What share of what weights of its layer usually are a weight moves in a step. It falls to 0 towards the end.
    learning_rate: float = 0.001
    start: str | None = None  # the layer before which all stays as it is
    distortions: Distortions = DISTORTIONS  # of the photos that are trained on


class HeldOut(NamedTuple):
    """The validation photos that say how far fine-tuning has come."""

    pictures: np.ndarray  # [photos, size, size, 3] uint8
    labels: np.ndarray


class FineTuner:
    """Moves the weights of a backbone and of its final layer.

    What it gives are means of them over the last steps, which are calmer than those of any one step.
    """

    def __init__(
        self,
        backbone: Backbone,
        layer: FinalLayer,
        weights: list[Weights],
        precision: str,
        recipe: Recipe,
        tuning: Tuning,
        held_out: HeldOut,
    ):
        self.step = self.best_step = 0
        self.batch_size = LARGE_BATCH if backbone.large else _BATCH
        self._tuning, self._frozen = tuning, backbone
        self._held_out = held_out
        self._network = TrainableNetwork(backbone, layer.arrays, weights, precision, recipe)
        self._best = backbone, layer
        self._most_right = self._judge()[0] if len(held_out.labels) else 0.0

    @property
    def best(self) -> tuple[Backbone, FinalLayer]:
        """The last that get as many validation photos right as any before, give or take what is chance.

        What it began with counts as well: where that is better, it is that, and best_step is 0. Without such photos
        it is what was reached.
        """
        return self._best

    def run(self, batches: Iterator[tuple[np.ndarray, np.ndarray]]) -> Iterator[list[Evaluation]]:
        """Hands over after every step, with an evaluation if one was made."""
        steps = self._tuning.steps
        every, seen = max(1, steps // _EVALUATIONS), []
        for number in range(1, steps + 1):
            rate = self._tuning.learning_rate * (1 - (number - 1) / steps)
            seen.append(self._network.train(*next(batches), number, rate))
            self.step = number
            if not np.isfinite(seen[-1]).all():
                raise UserError(
                    f"fine-tuning ran away to infinity at step {number}: give a --fine_tune_learning_rate below "
                    f"{self._tuning.learning_rate:g}"
                )
            if number % every and number != steps:
                yield []
            else:
                share, loss = np.mean(seen, axis=0).tolist()
                yield [Evaluation(number, share, loss, *self.settle())]
                seen = []

    def settle(self) -> tuple[float | None, float | None]:
        """Looks whether what is reached is the best so far; its accuracy and cross entropy on validation photos."""
        accuracy, loss = self._judge() if len(self._held_out.labels) else (None, None)
        # Not by cross entropy, which is lowest early, while nothing is certain and fewer are right. And as steps get
        # smaller towards the end, what is last is best; the luck of one photo in fifty is no reason to go back.
        if accuracy is None or accuracy >= self._most_right - self._chance():
            self._best, self.best_step = self.reached(), self.step
        self._most_right = max(self._most_right, accuracy or 0.0)
        return accuracy, loss

    def _chance(self) -> float:
        """A standard deviation of the share right."""
        return math.sqrt(self._most_right * (1 - self._most_right) / len(self._held_out.labels))

    def reached(self) -> tuple[Backbone, FinalLayer]:
        moved, layer = self._network.means()
        return unfreezing.with_weights(self._frozen, moved), FinalLayer.of(layer)

    def close(self) -> None:
        self._network.close()

    def _judge(self) -> tuple[float, float]:
        logits, labels = self._network.scores(self._held_out.pictures), self._held_out.labels
        shifted = logits - logits.max(axis=1, keepdims=True)
        losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]
        return float((logits.argmax(axis=1) == labels).mean()), float(losses.mean())


def held_out_rows(count: int, seed: int) -> np.ndarray:
    """Which of so many validation photos are looked at."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:_MOST_HELD_OUT])
