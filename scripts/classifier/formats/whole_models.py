"""Writes a classifier as a Keras model or a SavedModel beside its graph, and checks it against the graph."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .. import invocation
from ..errors import UserError
from ..photos.image_lists import SPLITS, ImageLists
from ..photos.preprocessing import Overrides
from . import graph as graphs, kinds
from .answers import Answer
from .classifiers import Classifier
from .model import Wishes

_ENDINGS = {".keras": kinds.KERAS, ".h5": kinds.H5}
_LARGEST_DIFFERENCE = 1e-4  # in scores, which lie between 0 and 1
_PHOTOS = 16


def kind_of(word: str) -> str:
    """The format that a name asks for: model.keras, model.h5, or a folder for a SavedModel."""
    ending = Path(word).suffix.lower()
    if word.endswith("/") or not ending:
        return kinds.SAVED_MODEL
    if ending not in _ENDINGS:
        raise UserError(
            f"--output_model={word}: expected a name that ends in .keras or .h5, or a folder (ending in /) for a "
            f"SavedModel; {invocation.command('export')} writes other formats"
        )
    return _ENDINGS[ending]


def write(kind: str, path: Path, graph: Path, labels: tuple[str, ...], photos: Sequence[Path]) -> float:
    """Writes from the graph, and returns the largest difference between both in the scores of these photos.

    A difference larger than rounding explains is an error: `path` is deleted.
    """
    kinds.write(kind, path, graphs.read_contents(graph, Overrides(), labels))
    difference = max(
        float(np.abs(ours - theirs).max())
        for ours, theirs in zip(_scores(graph, labels, photos), _scores(path, labels, photos), strict=True)
    )
    if not difference <= _LARGEST_DIFFERENCE:  # false for NaN, too
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise UserError(
            f"the scores of {path} differ from those of {graph} by up to {difference:.2g}, expected at most "
            f"{_LARGEST_DIFFERENCE:g}: it was deleted; use the graph or another format"
        )
    return difference


def photos_to_compare(lists: ImageLists) -> list[Path]:
    """Some test photos; without any, some validation photos, or else training photos."""
    photos = next(found for split in reversed(SPLITS) if (found := lists.of(split)))
    chosen = np.linspace(0, len(photos) - 1, min(_PHOTOS, len(photos))).round().astype(int)
    return [lists.image_dir / photos[at].path for at in chosen]


def _scores(path: Path, labels: tuple[str, ...], photos: Sequence[Path]) -> list[np.ndarray]:
    classifier = Classifier(kinds.open_model(path, Wishes(pictures=len(photos))), labels, None)
    return [answer.scores for _, answer in classifier.label(photos) if isinstance(answer, Answer)]
