"""Trains a final layer on bottlenecks, and reports progress."""

from __future__ import annotations

from ..backbones.backbone import Backbone
from ..backbones.engine import Engine
from ..showing import Show
from .final_layer import Evaluation, Trainer
from .journal import Journal
from .recipe import Recipe
from .trained import Sets, Trained

# Writing a histogram of all weights takes longer than several steps.
_STEPS_BETWEEN_HISTOGRAMS = 100


def train(
    backbone: Backbone, engine: Engine, sets: Sets, label_count: int, recipe: Recipe, journal: Journal, show: Show
) -> Trained:
    """Trains to the last step, or until Ctrl-C, which keeps the layer trained so far."""
    trainer = Trainer(sets.training, sets.validation, label_count, recipe)
    curve: list[Evaluation] = []
    try:
        with show(recipe.steps) as advance:
            before = shown = 0
            for evaluations in trainer.run(journal.graphs_every):
                curve += evaluations
                journal.evaluations(evaluations)
                if trainer.step - shown >= _STEPS_BETWEEN_HISTOGRAMS or trainer.step == recipe.steps:
                    journal.layer(trainer.layer, trainer.step)
                    shown = trainer.step
                advance(trainer.step - before, note=note(evaluations[-1]) if evaluations else "")
                before = trainer.step
                journal.reached(trainer.step, lambda: (backbone, trainer.layer))
    except KeyboardInterrupt:
        if trainer.step == 0:
            raise  # there is nothing to keep yet
    return Trained(backbone, engine, trainer.best, sets, trainer.step, trainer.best_step, trainer.stopped_early, curve)


def note(at: Evaluation) -> str:
    """The note on the progress line."""
    if at.validation_accuracy is None:
        return f"accuracy {100 * at.accuracy:.1f} %"
    return f"validation {100 * at.validation_accuracy:.1f} %"
