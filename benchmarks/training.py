"""Measures the training of the final layer."""

from __future__ import annotations

import contextlib
import time

from benchmarks import random_bottlenecks
from benchmarks.figures import Against, Figure, alternated
from benchmarks.workbench import Workbench
from scripts.classifier import retraining
from scripts.classifier.final_layer import Recipe, Trainer
from scripts.classifier.image_lists import TRAINING, VALIDATION
from scripts.classifier.summaries import Summaries

_LEAST_STEPS_A_SECOND = 3000.0

# What that is promised for: as many values as the original's, and 3,670 photos dealt out.
_VALUES, _TRAINING_PHOTOS, _VALIDATION_PHOTOS = 1001, 3000, 335


def training(bench: Workbench) -> list[Figure]:
    cache = random_bottlenecks.open_cache(bench.folder / "training", _VALUES)
    total = _TRAINING_PHOTOS + _VALIDATION_PHOTOS
    random_bottlenecks.fill(cache, total)
    learned = random_bottlenecks.examples(cache, 0, _TRAINING_PHOTOS, TRAINING)
    held_out = random_bottlenecks.examples(cache, _TRAINING_PHOTOS, total, VALIDATION)
    recipe = Recipe(steps=bench.steps)
    compiling: list[float] = []

    def alone() -> float:
        trainer = Trainer(learned, held_out, random_bottlenecks.LABELS, recipe)
        started = time.perf_counter()
        handed_over = [time.perf_counter() for _ in trainer.run()]
        compiling.append(handed_over[0] - started)
        return trainer.step / (handed_over[-1] - started)

    def with_summaries() -> float:
        trainer = Trainer(learned, held_out, random_bottlenecks.LABELS, recipe)
        started = time.perf_counter()
        with contextlib.closing(Summaries(bench.folder / "training_summaries")) as summaries:
            retraining.train(trainer, recipe.steps, summaries, lambda: None, None, _unseen)
        return trainer.step / (time.perf_counter() - started)

    alone()
    compiling.clear()
    rates = alternated({"alone": alone, "with summaries": with_summaries}, bench.rounds)
    cache.close()
    turns = f"median of {bench.rounds}, taken in turn"
    return [
        Figure(
            f"training, batches of {recipe.batch_size}, {_VALUES} values, {random_bottlenecks.LABELS} labels",
            rates["alone"], "steps/s",
            f"{bench.steps:,} steps over {_TRAINING_PHOTOS:,} cached bottlenecks, compiling the loop included, "
            f"evaluated every {recipe.eval_step_interval} steps; {turns}, after one that is not counted",
            Against(_LEAST_STEPS_A_SECOND, "at least"),
        ),
        Figure("compiling the loop and its first steps", compiling, "s", "of these, until the loop "
               "first hands over"),
        Figure("training, with TensorBoard's log", rates["with summaries"], "steps/s", "the same, written down as "
               "retrain does"),
    ]  # fmt: skip


@contextlib.contextmanager
def _unseen(total: int):
    yield lambda count=1, note="": None
