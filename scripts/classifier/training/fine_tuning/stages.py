"""Fine-tunes a trained classifier, and computes its bottlenecks again."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...backbones import network
from ...backbones.backbone import Backbone
from ...backbones.engine import Engine
from ...bottlenecks.extraction import Extraction, Job, open_cache
from ...errors import UserError
from ...photos.digests import PhotoDigests
from ...photos.distortions import WHOLE
from ...photos.image_lists import TRAINING, VALIDATION, ImageLists
from ...showing import Show
from .. import accuracy, stages
from ..examples import random_batches
from ..final_layer import Evaluation
from ..journal import Journal
from ..recipe import Recipe
from ..trained import Sets, Trained
from . import photo_batches, unfreezing
from .tuner import FineTuner, HeldOut, Tuning, held_out_rows

# Added to the seed, so that photos come in a different order than for the final layer.
_STREAM = 1


@dataclass(frozen=True)
class FineTuned:
    """The best classifier found, which may be the one before fine-tuning."""

    trained: Trained
    steps: int  # steps taken
    best_step: int  # 0: fine-tuning did not help
    before: float | None  # validation accuracy
    after: float | None


def fine_tune(
    trained: Trained,
    lists: ImageLists,
    recipe: Recipe,
    tuning: Tuning,
    journal: Journal,
    show: Show,
    show_photos: Show,
) -> FineTuned:
    """Runs to the last step or until Ctrl-C. If it helped, computes bottlenecks again; `show_photos` shows progress."""
    with contextlib.closing(_tuner(trained, lists, recipe, tuning)) as tuner:
        curve = _run(tuner, trained, lists, recipe, tuning, journal, show)
        backbone, layer = tuner.best
        journal.layer(layer, trained.steps + tuner.step)
    reached = replace(trained, steps=trained.steps + tuner.step, curve=trained.curve + curve)
    if tuner.best_step:
        sets = _sets_of(lists, backbone, trained.engine, show_photos)
        none = trained.none
        if none is not None:
            none = replace(none, sets=_sets_of(none.lists, backbone, trained.engine, show_photos))
        best_step = trained.steps + tuner.best_step
        reached = replace(
            reached,
            backbone=backbone,
            layer=layer,
            sets=sets,
            best_step=best_step,
            none=none,
            network_learned_too=True,
        )
    before, after = (accuracy.measure(each.layer, each.sets.validation).accuracy for each in (trained, reached))
    return FineTuned(reached, tuner.step, tuner.best_step, before, after)


def _tuner(trained: Trained, lists: ImageLists, recipe: Recipe, tuning: Tuning) -> FineTuner:
    validation = lists.of(VALIDATION)
    photos = [validation[row] for row in held_out_rows(len(validation), recipe.seed)]
    paths = [photo.path for photo in photos]
    held_out = HeldOut(
        photo_batches.whole(lists.image_dir, paths, trained.backbone),
        np.array([photo.label for photo in photos], np.int32),
    )
    weights = unfreezing.weights_of(trained.backbone, tuning.start)
    return FineTuner(trained.backbone, trained.layer, weights, trained.engine, recipe, tuning, held_out)


def _run(
    tuner: FineTuner,
    trained: Trained,
    lists: ImageLists,
    recipe: Recipe,
    tuning: Tuning,
    journal: Journal,
    show: Show,
) -> list[Evaluation]:
    """Takes the steps. Their numbers continue from the training of the final layer."""
    photos = lists.of(TRAINING)
    labels = np.array([photo.label for photo in photos], np.int32)
    draw = random_batches(labels, recipe.class_weights, np.random.default_rng([recipe.seed, _STREAM]))
    batches = photo_batches.batches(
        lists.image_dir,
        photos,
        draw,
        tuning.distortions,
        trained.backbone,
        tuner.batch_size,
        recipe.seed,
    )
    curve: list[Evaluation] = []
    try:
        with show(tuning.steps) as advance, contextlib.closing(batches):
            for evaluations in tuner.run(batches):
                at = trained.steps + tuner.step
                evaluations = [replace(each, step=at) for each in evaluations]
                curve += evaluations
                journal.evaluations(evaluations)
                advance(1, note=stages.note(evaluations[-1]) if evaluations else "")
                journal.reached(at, tuner.reached)
    except KeyboardInterrupt:
        tuner.settle()
    return curve


def _sets_of(lists: ImageLists, backbone: Backbone, engine: Engine, show: Show) -> Sets:
    """The bottlenecks of whole photos, not cached: no later run will have this backbone."""
    with tempfile.TemporaryDirectory(prefix="poets-bottlenecks-") as folder:
        cache = open_cache(Path(folder), backbone, engine)
        jobs = [Job(photo.path, (WHOLE,)) for photo in lists.photos]
        extraction = Extraction(jobs, lists.image_dir, cache, PhotoDigests(Path(folder) / "digests", lists.image_dir))
        with show(len(jobs)) as advance:
            found = extraction.run(
                lambda: network.Network(backbone, engine), backbone.input_size, advance, fit=backbone.fit
            )
        for path, reason in found.unreadable.items():
            raise UserError(f"{lists.image_dir / path} cannot be read any more ({reason}): start again")
        # Open files stay readable after the folder is deleted.
        return Sets.of(lists, found.keys, cache)
