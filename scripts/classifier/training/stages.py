"""The stages of a retraining, each taking what the one before it gives."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import atomic_files
from ..backbones import network
from ..backbones.backbone import Backbone
from ..bottlenecks.cache import BottleneckCache
from ..bottlenecks.cluster import run_folder
from ..bottlenecks.extraction import Extraction, Found, Job
from ..graphs import frozen_graph
from ..photos import digests, image_lists, skipped_images
from ..photos.digests import PhotoDigests
from ..photos.distortions import WHOLE, View
from ..photos.image_lists import TRAINING, ImageLists
from . import retrained_graph, unknown
from .examples import Examples
from .final_layer import Evaluation, FinalLayer, Trainer
from .summaries import Summaries

# Computes what an extraction finds waiting; calls the function with numbers of photos done.
Extract = Callable[[Extraction, Callable[[int], None]], Found]

# Called with the number of photos or steps to do, entered, and then called with each number done.
Show = Callable[[int], AbstractContextManager[Callable[..., None]]]


# So many validation photos tell where known ends to a third of a percent.
_ENOUGH_TO_DECIDE = 4000
_ROWS_AT_ONCE = 1024

# A histogram of all weights takes longer than several steps.
_STEPS_BETWEEN_HISTOGRAMS = 100


@dataclass(frozen=True)
class Gathered:
    """The photos that could be read, dealt out, and the bottlenecks of all of them."""

    lists: ImageLists
    keys: dict[str, list[bytes]]
    unreadable: dict[str, str]
    computed: int  # how many of the bottlenecks were not cached


def look_up(lists: ImageLists, views: tuple[View, ...], bottleneck_dir: Path, cache: BottleneckCache) -> Extraction:
    """What is cached already, and what is waiting. Only training photos are seen in several views."""
    jobs = (Job(photo.path, views if photo.split == TRAINING else (WHOLE,)) for photo in lists.photos)
    return Extraction(jobs, lists.image_dir, cache, PhotoDigests(digests.beside(bottleneck_dir), lists.image_dir))


def extract_here(backbone: Backbone, precision: str) -> Extract:
    """Computes on this machine, in this process."""
    return lambda extraction, advance: extraction.run(
        lambda: network.Network(backbone, precision), backbone.input_size, advance
    )


def gather(
    lists: ImageLists,
    views: tuple[View, ...],
    extract: Extract,
    cache: BottleneckCache,
    bottleneck_dir: Path,
    percentages: tuple[float, float],
    skipped_file: Path,
    show: Show,
) -> Gathered:
    """Computes what is missing, leaves out what cannot be read, and deals out the rest.

    Leaving out photos may move others between sets, which may then want other views: a second look, almost
    always empty, gets those.
    """
    unreadable: dict[str, str] = {}
    computed, total = 0, len(lists.photos)
    run_folder.recover(bottleneck_dir)
    while True:
        extraction = look_up(lists, views, bottleneck_dir, cache)
        with show(len(extraction.waiting)) as advance:
            found = extract(extraction, advance)
        computed += found.computed
        unreadable.update(found.unreadable)
        skipped_images.write(skipped_file, lists.image_dir, unreadable, lists.other_files)
        skipped_images.refuse_a_majority(unreadable, total, lists.image_dir, skipped_file)
        if not found.unreadable:
            return Gathered(lists, found.keys, unreadable, computed)
        lists = image_lists.deal(image_lists.without(lists, found.unreadable), *percentages)


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
