"""Measures training of the final layer: its speed, and its memory with many bottlenecks."""

from __future__ import annotations

import contextlib
import shutil
import time
from pathlib import Path

from benchmarks.tools import disk, processes, random_bottlenecks
from benchmarks.tools.figures import Against, Figure, alternated
from benchmarks.tools.workbench import Workbench
from scripts.classifier.backbones import color_texture
from scripts.classifier.backbones.engine import PROCESSOR
from scripts.classifier.photos.image_lists import SPLITS, TRAINING, VALIDATION
from scripts.classifier.showing import nowhere
from scripts.classifier.training import accuracy, learning_unknown, stages
from scripts.classifier.training.final_layer import Trainer
from scripts.classifier.training.journal import Journal
from scripts.classifier.training.recipe import ADAM, SGD, Recipe
from scripts.classifier.training.trained import Sets

_LEAST_STEPS_A_SECOND = 3000.0

# Promised for the original's number of values and for 3,670 photos after the split.
_VALUES, _TRAINING_PHOTOS, _VALIDATION_PHOTOS = 1001, 3000, 335

# Promised for larger jobs: the photos and labels of Oxford's flowers, the values of DenseNet161.
_FLOWERS, _KINDS_OF_FLOWERS, _DENSENET_VALUES, _UNITS = 8189, 102, 2208, 512
_MOST_SECONDS = 20.0  # for the default number of steps

# Promised for 100,000 photos with Inception V3's number of values, and so for fewer.
_MOST_MEGABYTES, _MANY_PHOTOS, _INCEPTION_VALUES = 1200.0, 100_000, 2048


def training(bench: Workbench) -> list[Figure]:
    cache = random_bottlenecks.open_cache(bench.folder / "training", _VALUES)
    total = _TRAINING_PHOTOS + _VALIDATION_PHOTOS
    random_bottlenecks.fill(cache, total)
    learned = random_bottlenecks.examples(cache, 0, _TRAINING_PHOTOS, TRAINING)
    held_out = random_bottlenecks.examples(cache, _TRAINING_PHOTOS, total, VALIDATION)
    sets, recipe = Sets(learned, held_out, held_out), Recipe(steps=bench.steps)
    backbone = color_texture.build()  # any backbone will do: it is only passed on
    compiling: list[float] = []

    def alone() -> float:
        trainer = Trainer(learned, held_out, random_bottlenecks.LABELS, recipe)
        started = time.perf_counter()
        handed_over = [time.perf_counter() for _ in trainer.run()]
        compiling.append(handed_over[0] - started)
        return trainer.step / (handed_over[-1] - started)

    def with_summaries() -> float:
        started = time.perf_counter()
        with contextlib.closing(Journal(bench.folder / "training_summaries")) as journal:
            trained = stages.train(backbone, PROCESSOR, sets, random_bottlenecks.LABELS, recipe, journal, nowhere)
        return trained.steps / (time.perf_counter() - started)

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
            f"{bench.steps:,} steps over {_TRAINING_PHOTOS:,} cached bottlenecks, including compiling the loop, "
            f"evaluated every {recipe.eval_step_interval} steps; {turns}, after one that is not counted",
            Against(_LEAST_STEPS_A_SECOND, "at least"),
        ),
        Figure("compiling the loop and its first steps", compiling, "s", "part of that, until the loop first yields"),
        Figure(
            "training, with TensorBoard's log",
            rates["with summaries"],
            "steps/s",
            "the same, logged as retrain does",
        ),
    ]


def hidden_layer(bench: Workbench) -> list[Figure]:
    """The largest job with a promise: 102 kinds of flowers, a DenseNet and a hidden layer."""
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
            f"{bench.steps:,} steps over {_FLOWERS:,} cached bottlenecks, including compiling the loop",
            Against(most, "at most"),
        )
        for optimizer, each in taken.items()
    ]


def memory(bench: Workbench, photos: list[int]) -> list[Figure]:
    return [_memory(bench, count) for count in photos]


def _memory(bench: Workbench, count: int) -> Figure:
    folder = bench.folder / f"memory-{count}"
    needed = count * 4 * _INCEPTION_VALUES
    disk.check(bench.folder, f"{count} bottlenecks", needed, 2, "memory")
    # Filled by another process, since a peak never falls.
    processes.apart(fill, str(folder), count)
    peak = processes.apart(peak_of_training, str(folder), count, bench.steps)
    shutil.rmtree(folder)
    return Figure(
        f"peak memory of training over {count:,} bottlenecks of {_INCEPTION_VALUES:,} values",
        [peak],
        "MB",
        f"a process that checks all, takes {bench.steps:,} steps over 80 % of them and tests; {needed / 1e6:,.0f} MB "
        "on disk",
        Against(_MOST_MEGABYTES, "at most") if count <= _MANY_PHOTOS else None,
    )


def fill(folder: str, photos: int) -> None:
    random_bottlenecks.fill(random_bottlenecks.open_cache(Path(folder), _INCEPTION_VALUES), photos)


def peak_of_training(folder: str, photos: int, steps: int) -> float:
    """In MB."""
    import tensorflow  # noqa: F401  retrain has imported it before it opens the cache

    cache = random_bottlenecks.open_cache(Path(folder), _INCEPTION_VALUES)
    # 80 % training, 10 % validation, 10 % testing, as retrain splits.
    edges = (0, photos * 8 // 10, photos * 9 // 10, photos)
    training, validation, testing = (
        random_bottlenecks.examples(cache, first, after, split)
        for first, after, split in zip(edges, edges[1:], SPLITS, strict=False)
    )
    trainer = Trainer(training, validation, random_bottlenecks.LABELS, Recipe(steps=steps))
    for _ in trainer.run():
        pass
    for examples in (validation, testing):
        accuracy.measure(trainer.layer, examples)
    learning_unknown.share_kept(learning_unknown.learn(training, validation, 0.95, 0), testing)
    return processes.megabytes("VmHWM")
