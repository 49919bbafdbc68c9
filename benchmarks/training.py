"""Measures the training of the final layer."""

from __future__ import annotations

import contextlib
import time

from benchmarks.tools import random_bottlenecks
from benchmarks.tools.figures import Against, Figure, alternated
from benchmarks.tools.workbench import Workbench
from scripts.classifier.photos.image_lists import TRAINING, VALIDATION
from scripts.classifier.training import stages
from scripts.classifier.training.final_layer import Trainer
from scripts.classifier.training.recipe import ADAM, SGD, Recipe
from scripts.classifier.training.summaries import Summaries

_LEAST_STEPS_A_SECOND = 3000.0

# What that is promised for: as many values as the original's, and 3,670 photos dealt out.
_VALUES, _TRAINING_PHOTOS, _VALIDATION_PHOTOS = 1001, 3000, 335

# What is promised for larger jobs: as many photos and labels as Oxford's flowers, as many values as DenseNet161's.
_FLOWERS, _KINDS_OF_FLOWERS, _DENSENET_VALUES, _UNITS = 8189, 102, 2208, 512
_MOST_SECONDS = 20.0  # for as many steps as are the default


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
            stages.train(trainer, recipe.steps, summaries, lambda: None, None, _unseen)
        return trainer.step / (time.perf_counter() - started)

    alone()
    compiling.clear()
    rates = alternated({"alone": alone, "with summaries": with_summaries}, bench.rounds)
    cache.close()
    turns = f"median of {bench.rounds}, taken in turn"
    return [
        Figure(
            f"training, batches of {recipe.batch_size}, {_VALUES} values, {random_bottlenecks.LABELS} labels",
            rates["alone"],
            "steps/s",
            f"{bench.steps:,} steps over {_TRAINING_PHOTOS:,} cached bottlenecks, compiling the loop included, "
            f"evaluated every {recipe.eval_step_interval} steps; {turns}, after one that is not counted",
            Against(_LEAST_STEPS_A_SECOND, "at least"),
        ),
        Figure("compiling the loop and its first steps", compiling, "s", "of these, until the loop first hands over"),
        Figure(
            "training, with TensorBoard's log",
            rates["with summaries"],
            "steps/s",
            "the same, written down as retrain does",
        ),
    ]


def hidden_layer(bench: Workbench) -> list[Figure]:
    """The largest job that is promised to be quick: 102 kinds of flowers through a DenseNet, and a hidden layer."""
    cache = random_bottlenecks.open_cache(bench.folder / "hidden_layer", _DENSENET_VALUES)
    random_bottlenecks.fill(cache, _FLOWERS)
    after = _FLOWERS * 8 // 10
    learned = random_bottlenecks.examples(cache, 0, after, TRAINING, _KINDS_OF_FLOWERS)
    held_out = random_bottlenecks.examples(cache, after, _FLOWERS, VALIDATION, _KINDS_OF_FLOWERS)

    def seconds(optimizer: str) -> float:
        recipe = Recipe(steps=bench.steps, hidden_units=(_UNITS,), optimizer=optimizer)
        started = time.perf_counter()
        for _ in Trainer(learned, held_out, _KINDS_OF_FLOWERS, recipe).run():
            pass
        return time.perf_counter() - started

    taken = alternated({SGD: lambda: seconds(SGD), ADAM: lambda: seconds(ADAM)}, bench.rounds)
    cache.close()
    most = _MOST_SECONDS * bench.steps / Recipe.steps
    return [
        Figure(
            f"training a hidden layer of {_UNITS} units by {optimizer}, {_DENSENET_VALUES:,} values, "
            f"{_KINDS_OF_FLOWERS} labels",
            each,
            "s",
            f"{bench.steps:,} steps over {_FLOWERS:,} cached bottlenecks, compiling the loop included",
            Against(most, "at most"),
        )
        for optimizer, each in taken.items()
    ]


@contextlib.contextmanager
def _unseen(total: int):
    yield lambda count=1, note="": None
