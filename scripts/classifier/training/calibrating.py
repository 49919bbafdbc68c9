"""Makes scores mean what they say: of photos scored 80 %, 80 % should be right.

Training on the same photos again and again makes a layer surer than it may be, or, if it ends early, not sure enough.
One number puts most of that right: the temperature, by which all logits are divided. It is fitted on photos that the
layer did not learn from, and goes into the layer's own weights and biases, so that every reader of the graph gains. As
it divides all logits alike, no photo gets another first label.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import temperature
from .examples import Examples, InMemory, Vectors, folds
from .final_layer import Trainer
from .recipe import Recipe
from .temperature import Calibration
from .trained import Sets, Trained

AUTO, OFF = CHOICES = ("auto", "off")

# Photos that a temperature can be fitted on. With fewer validation photos, all but the test photos take part, each
# judged by a layer that never saw it.
FEWEST = 50
_FOLDS = 4
_MOST_FOLDED = 4000  # photos; training four more layers on more of them takes long
_ENOUGH = 4000  # photos to fit on: more would change nothing that can be seen

# Fitting any one number lowers the cross entropies, added up, by half a nat of luck.
_LUCK = 0.5
_TOO_FEW = f"fewer than {FEWEST} photos that it did not learn from"


def calibrate(trained: Trained, choice: str, recipe: Recipe | None = None) -> Trained:
    """The same classifier, with calibrated scores if that helps.

    With few validation photos it trains the layer anew by this recipe; None if that would not give such a layer again,
    because the network was trained too. Ctrl-C ends that, and keeps the layer as it is.
    """
    if choice == OFF:
        return replace(trained, calibration=Calibration(why_not="--calibrate=off"))
    validation = trained.sets.validation
    folded = recipe is not None and len(validation) < FEWEST and _can_be_folded(trained.sets)
    if folded and recipe is not None:
        try:
            logits, labels = _of_folds(trained, recipe)
        except KeyboardInterrupt:  # as in training: what there is will be written
            return replace(trained, calibration=Calibration(why_not="it was stopped by Ctrl-C"))
    elif len(validation) < FEWEST:
        return replace(trained, calibration=Calibration(photos=len(validation), why_not=_TOO_FEW))
    else:
        some = validation.sample(_ENOUGH, 0)
        logits, labels = trained.layer.logits(_all(some.vectors)), some.labels
    fitted = temperature.fit(logits, labels)
    before, after = (temperature.cross_entropy(logits, labels, each) for each in (1.0, fitted))
    calibration = Calibration(fitted, len(labels), _FOLDS if folded else None, before, after)
    if (before - after) * len(labels) <= _LUCK:
        why_not = "it would lower the cross entropy by no more than luck does"
        return replace(trained, calibration=replace(calibration, temperature=1.0, after=before, why_not=why_not))
    return replace(trained, layer=trained.layer.cooled(fitted), calibration=calibration)


def _can_be_folded(sets: Sets) -> bool:
    """Distorted views of a photo would be in several folds, and are harder than whole photos."""
    photos = len(sets.training) + len(sets.validation)
    distorted = len(set(sets.training.paths)) < len(sets.training)
    return FEWEST <= photos <= _MOST_FOLDED and not distorted


def _of_folds(trained: Trained, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """The logits of every training and validation photo, each from a layer trained on the other folds."""
    training, validation = trained.sets.training, trained.sets.validation
    both = Examples(
        InMemory(np.concatenate([_all(training.vectors), _all(validation.vectors)])),
        np.concatenate([training.labels, validation.labels]),
        [*training.paths, *validation.paths],
    )
    steps = trained.best_step or trained.steps
    shorter = replace(recipe, steps=steps, eval_step_interval=steps, early_stopping=None)
    logits = np.empty((len(both), len(trained.layer.biases)), np.float32)
    trainer: Trainer | None = None
    for held_out, rest in (map(np.sort, fold) for fold in folds(both.labels, _FOLDS, recipe.seed)):
        others = both.at(rest)
        if trainer is None:
            trainer = Trainer(others, both.at(held_out[:0]), len(trained.layer.biases), shorter)
        else:
            trainer.start_over(others)
        for _ in trainer.run():
            pass
        logits[held_out] = trainer.layer.logits(both.vectors.take(held_out))
    return logits, both.labels


def _all(vectors: Vectors) -> np.ndarray:
    return vectors.take(np.arange(len(vectors)))
