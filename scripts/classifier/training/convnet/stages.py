"""Trains a network from scratch and turns it into a backbone and a final layer, like those of retrain."""

from __future__ import annotations

import time
from collections.abc import Callable

from ...showing import Show
from ..final_layer import Evaluation
from ..journal import Journal
from ..trained import Sets, Trained
from . import backbone as backbones
from .pictures import CnnExamples
from .training import CnnTrainer


def train(
    trainer: CnnTrainer,
    journal: Journal,
    keep: Callable[[], None],
    show: Callable[[int], Show],
    tell: Callable[[str], None],
) -> None:
    """Trains to the last epoch, or until Ctrl-C, which keeps all finished epochs.

    After each epoch it calls `keep`, and `tell` with a line about it. `show` gives the progress bar of an epoch.
    """
    journal.evaluations(trainer.history)  # of the epochs before --resume
    started = time.perf_counter()
    try:
        for reached in trainer.run(show):
            keep()
            journal.evaluations([reached])
            tell(_in_words(len(trainer.history), reached, time.perf_counter() - started))
            started = time.perf_counter()
    except KeyboardInterrupt:
        if not trainer.history:
            raise  # there is nothing to write yet


def finish(trainer: CnnTrainer, testing: CnnExamples, label_count: int) -> Trained:
    """The network of the best epoch, as a float32 backbone and a final layer."""
    backbone, layer = backbones.split(trainer.best_weights, label_count, trainer.recipe)
    return Trained(
        backbone,
        trainer.engine,
        layer,
        Sets(*(backbones.bottlenecks(backbone, each) for each in (trainer.training, trainer.validation, testing))),
        trainer.history[-1].step,
        trainer.best_step,
        len(trainer.history) < trainer.recipe.epochs,
        trainer.history,
        network_learned_too=True,
    )


def _in_words(epoch: int, at: Evaluation, seconds: float) -> str:
    kept = ""
    if at.validation_accuracy is not None:
        kept = f", validation {100 * at.validation_accuracy:.1f} % (loss {at.validation_cross_entropy:.3f})"
    return f"epoch {epoch}: training {100 * at.accuracy:.1f} % (loss {at.cross_entropy:.3f}){kept}, {seconds:.1f} s"
