"""The stages of a retraining, each taking what the one before it gives."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from .. import atomic_files
from ..backbones.backbone import Backbone
from ..graphs import frozen_graph
from . import retrained_graph, unknown
from .examples import Examples
from .final_layer import Evaluation, FinalLayer, Trainer
from .summaries import Summaries

# Called with the number of photos or steps to do, entered, and then called with each number done.
Show = Callable[[int], AbstractContextManager[Callable[..., None]]]


# So many validation photos tell where known ends to a third of a percent.
_ENOUGH_TO_DECIDE = 4000
_ROWS_AT_ONCE = 1024

# A histogram of all weights takes longer than several steps.
_STEPS_BETWEEN_HISTOGRAMS = 100


def train(
    trainer: Trainer, steps: int, summaries: Summaries, store: Callable[[], None], store_every: int | None, show: Show
) -> list[Evaluation]:
    """Trains to the end or until Ctrl-C, keeping TensorBoard up to date; trainer.step says how far it came."""
    curve: list[Evaluation] = []
    try:
        with show(steps) as advance:
            before = shown = 0
            for evaluations in trainer.run(store_every):
                curve += evaluations
                summaries.evaluations(evaluations)
                if trainer.step - shown >= _STEPS_BETWEEN_HISTOGRAMS or trainer.step == steps:
                    summaries.layer(trainer.layer, trainer.step)
                    shown = trainer.step
                advance(trainer.step - before, note=note(evaluations[-1]) if evaluations else "")
                before = trainer.step
                if store_every is not None and trainer.step % store_every == 0:
                    store()
    except KeyboardInterrupt:
        if trainer.step == 0:
            raise  # nothing was trained, so there is nothing to keep
    return curve


def learn_unknown(training: Examples, validation: Examples, kept: float, seed: int) -> unknown.Unknown | None:
    """None without validation photos, which decide where known ends."""
    if not len(validation):
        return None
    rows = unknown.sample(training.labels, seed)
    held_out = validation.sample(_ENOUGH_TO_DECIDE, seed)
    held_out = held_out.vectors.take(np.arange(len(held_out)))
    return unknown.learn(training.vectors.take(rows), training.labels[rows], held_out, kept, seed)


def share_kept(tells: unknown.Unknown | None, examples: Examples) -> float | None:
    """How many of these photos count as known."""
    if tells is None or not len(examples):
        return None
    parts = (np.arange(at, min(at + _ROWS_AT_ONCE, len(examples))) for at in range(0, len(examples), _ROWS_AT_ONCE))
    return sum(int((tells.distances(examples.vectors.take(rows)) <= 1).sum()) for rows in parts) / len(examples)


def write_graph(backbone: Backbone, layer: FinalLayer, final_tensor_name: str, path: Path):
    graph_def = retrained_graph.join(backbone, layer, final_tensor_name)
    frozen_graph.write(graph_def, path)
    return graph_def


def write_labels(labels: tuple[str, ...], path: Path) -> None:
    atomic_files.write_text(path, "".join(f"{label}\n" for label in labels))


def note(at: Evaluation) -> str:
    words = [f"train {100 * at.accuracy:.0f} %", f"cross entropy {at.cross_entropy:.3f}"]
    if at.validation_accuracy is not None:
        words.append(f"validation {100 * at.validation_accuracy:.0f} %")
    return ", ".join(words)
