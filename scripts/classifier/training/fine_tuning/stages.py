"""The stages of fine-tuning, which come behind those of a retraining."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...backbones import network
from ...backbones.backbone import Backbone
from ...bottlenecks.extraction import Extraction, Job, open_cache
from ...errors import UserError
from ...photos.digests import PhotoDigests
from ...photos.distortions import WHOLE, Distortions
from ...photos.image_lists import SPLITS, TRAINING, VALIDATION, ImageLists
from .. import stages
from ..examples import Examples, random_batches
from ..final_layer import Evaluation, FinalLayer
from ..recipe import Recipe
from ..stages import Show
from ..summaries import Summaries
from . import photo_batches
from .tuner import FineTuner, Tuning, held_out_rows
from .unfreezing import Weights

# With the seed, what the order of photos is drawn from: not the one that the final layer was trained on.
_STREAM = 1


@dataclass(frozen=True)
class FineTuned:
    """The best that was found, which may be what fine-tuning began with."""

    backbone: Backbone
    layer: FinalLayer
    steps: int  # how many were taken
    best_step: int  # 0: it did not help
    curve: list[Evaluation]


def fine_tune(
    backbone: Backbone,
    layer: FinalLayer,
    weights: list[Weights],
    precision: str,
    recipe: Recipe,
    tuning: Tuning,
    lists: ImageLists,
    distorted: Distortions,
    first_step: int,
    summaries: Summaries,
    store: Callable[[Backbone, FinalLayer, int], None],
    store_every: int | None,
    show: Show,
) -> FineTuned:
    """To the end or until Ctrl-C. Steps are counted on from `first_step` in what TensorBoard shows."""
    training, held_out = lists.of(TRAINING), lists.of(VALIDATION)
    held_out = [held_out[row] for row in held_out_rows(len(held_out), recipe.seed)]
    size, labels = backbone.input_size, np.array([photo.label for photo in training], np.int32)
    tuner = FineTuner(
        backbone,
        layer,
        weights,
        precision,
        recipe,
        tuning,
        photo_batches.whole(lists.image_dir, [photo.path for photo in held_out], size),
        np.array([photo.label for photo in held_out], np.int32),
    )
    draw = random_batches(labels, recipe.class_weights, np.random.default_rng([recipe.seed, _STREAM]))
    batches = photo_batches.batches(
        lists.image_dir,
        training,
        draw,
        distorted,
        size,
        tuner.batch_size,
        recipe.seed,
    )
    curve: list[Evaluation] = []
    try:
        with show(tuning.steps) as advance, contextlib.closing(batches):
            for evaluations in tuner.run(batches):
                evaluations = [replace(at, step=first_step + at.step) for at in evaluations]
                curve += evaluations
                summaries.evaluations(evaluations)
                advance(1, note=stages.note(evaluations[-1]) if evaluations else "")
                at = first_step + tuner.step
                if store_every is not None and at % store_every == 0:
                    store(*tuner.reached(), at)
    except KeyboardInterrupt:
        tuner.settle()
    summaries.layer(tuner.best[1], first_step + tuner.step)
    tuner.close()
    return FineTuned(*tuner.best, tuner.step, tuner.best_step, curve)


def examples_of(lists: ImageLists, backbone: Backbone, precision: str, show: Show) -> list[Examples]:
    """The bottlenecks of whole photos, set by set, by a backbone that no later run will have: they are not kept."""
    with tempfile.TemporaryDirectory(prefix="poets-bottlenecks-") as folder:
        cache = open_cache(Path(folder), backbone, precision)
        jobs = [Job(photo.path, (WHOLE,)) for photo in lists.photos]
        extraction = Extraction(jobs, lists.image_dir, cache, PhotoDigests(Path(folder) / "digests", lists.image_dir))
        with show(len(jobs)) as advance:
            found = extraction.run(lambda: network.Network(backbone, precision), backbone.input_size, advance)
        for path, reason in found.unreadable.items():
            raise UserError(f"{lists.image_dir / path} could be read before and now cannot ({reason}): start again")
        # What is open stays readable when the folder is gone.
        return [Examples.of(lists.of(split), found.keys, cache) for split in SPLITS]
