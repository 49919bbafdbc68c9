"""Trains with several recipes and ranks them by the validation photos."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from . import accuracy
from .examples import Examples
from .final_layer import Trainer
from .recipe import ADAM, MOMENTUM, Recipe

# Changes to the user's recipe: slower and faster, other optimizers, a regularised hidden layer.
_CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {"learning_rate": 0.001},
    {"learning_rate": 0.1},
    {"optimizer": MOMENTUM},
    {"optimizer": ADAM},
    {"optimizer": ADAM, "weight_decay": 1.0},
    {"hidden_units": (128,), "optimizer": ADAM, "dropout": 0.5},
    {"hidden_units": (128,), "optimizer": ADAM, "dropout": 0.5, "weight_decay": 1.0},
)


# Each recipe to try, with its changes to the user's recipe.
Recipes = dict[Recipe, dict[str, Any]]


@dataclass(frozen=True)
class Trial:
    recipe: Recipe
    changes: dict[str, Any]  # to the user's recipe
    right: int
    photos: int
    cross_entropy: float

    @property
    def name(self) -> str:
        """The changes, as flags."""
        shown = {
            name: ",".join(map(str, value)) if isinstance(value, tuple) else value
            for name, value in self.changes.items()
        }
        return " ".join(f"--{name}={value}" for name, value in shown.items()) or "as given"


def recipes(recipe: Recipe, given: Collection[str]) -> Recipes:
    """The recipes to try, each with its changes. Settings in `given` are never changed."""
    found: Recipes = {}
    for each in _CHANGES:
        changes = {name: value for name, value in each.items() if name not in given}
        found.setdefault(replace(recipe, **changes), changes)
    return found


def search(
    training: Examples,
    validation: Examples,
    label_count: int,
    wanted: Recipes,
    advance: Callable[..., None],
) -> list[Trial]:
    """A trial of each recipe, sorted by validation photos right (most first), then by cross entropy (lowest first)."""
    trials = []
    for recipe, changes in wanted.items():
        trainer = Trainer(training, validation, label_count, recipe)
        for _ in trainer.run():
            pass
        measured = accuracy.measure(trainer.best, validation)
        scores = trainer.best.probabilities(validation.vectors.take(np.arange(len(validation))))
        of_truth = scores[np.arange(len(validation)), validation.labels]
        loss = float(-np.log(np.maximum(of_truth, np.finfo(np.float32).tiny)).mean())
        trials.append(Trial(recipe, changes, measured.right, measured.total, loss))
        advance(1)
    return sorted(trials, key=lambda trial: (-trial.right, trial.cross_entropy))


def describe(trials: list[Trial]) -> list[str]:
    """A table, and how far to trust it."""
    width = max(len(trial.name) for trial in trials)
    photos = trials[0].photos
    lines = [f"{'tried':{width + 2}}  of {photos} validation photos right   cross entropy"]
    for trial in trials:
        share = f"{trial.right} ({100 * trial.right / photos:.1f} %)"
        lines.append(
            f"  {trial.name:{width}}  {share:>{len(f'of {photos} validation photos right')}}   "
            f"{trial.cross_entropy:13.3f}"
        )
    chance = 100 * 0.5 / math.sqrt(photos)  # a standard deviation, at its largest
    return [
        *lines,
        f"training continues with the first. On {photos} validation photos, a difference of {chance:.0f} % may be "
        "luck. The winner was chosen on these photos, so its score here is flattering: the test photos give a fair one",
    ]


def as_record(trials: list[Trial]) -> list[dict]:
    return [{**asdict(trial), "name": trial.name} for trial in trials]
