"""Pictures about a training: random views of one photo, and the curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from ...drawing import captions, training_curves
from ...drawing.lettering import Drawn
from .. import run_record
from ..final_layer import Evaluation
from .pictures import CnnExamples
from .recipes import CnnRecipe, Views

NINE, COLUMNS = 9, 3


def views(square: np.ndarray, views: Views, seed: int, caption: str) -> Drawn:
    """A photo, [side, side, 3] uint8, and eight random views of it."""
    from .random_views import RandomViews

    changed = RandomViews(views, seed)(np.stack([square] * (NINE - 1)).astype(np.float32), training=True).numpy()
    pictures = [Image.fromarray(each) for each in (square, *changed.round().astype(np.uint8))]
    captions_of = [f"{caption}, the original", *[""] * (NINE - 1)]
    return captions.draw(list(zip(pictures, captions_of, strict=True)), None, COLUMNS)


def as_trained_on(examples: CnnExamples, recipe: CnnRecipe, labels: Sequence[str]) -> Drawn:
    """Random views of the first photo: those of training or, if it uses none, those of --augment."""
    changes = recipe.views if recipe.views.any else replace(recipe, augment=True).views
    (square,) = examples.pictures.take(examples.rows[:1])
    return views(square, changes, recipe.seed, labels[examples.labels[0]])


def curves(history: Sequence[Evaluation], title: str) -> Drawn:
    curve = run_record.curve(list(history))
    every = {at.step: epoch for epoch, at in enumerate(history, 1)}
    return training_curves.draw(
        {**curve, "step": [every[step] for step in curve["step"]]}, title, across="epoch", shade_gap=True
    )
