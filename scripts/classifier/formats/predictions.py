"""Classifiers in Python programs: load_classifier(path).predict(image_path)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..photos import fitting, folders, pixels
from ..photos.preprocessing import Overrides
from . import classifiers, quiet_tensorflow
from .classifiers import Classifier
from .model import Wishes


class Predictor:
    """A classifier in any format, ready to label pictures."""

    def __init__(self, classifier: Classifier):
        self._classifier = classifier

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the folders that it was trained on."""
        return self._classifier.labels

    @property
    def names(self) -> tuple[str, ...]:
        """The labels' names for people; the labels themselves if they have no names."""
        return self._classifier.names

    def predict(self, image_path: str | os.PathLike, top_k: int = 5) -> tuple[np.ndarray, list[str]]:
        """The `top_k` highest probabilities, [k] float32, and their names, the highest first."""
        if top_k < 1:
            raise UserError(f"top_k={top_k}: expected at least 1")
        ((_, answer),) = self._classifier.label([Path(image_path)])
        if isinstance(answer, str):
            raise UserError(f"{image_path}: {answer}")
        best = answer.best(top_k)
        return answer.scores[best], [self.names[at] for at in best]


def load_classifier(
    path: str | os.PathLike, category_names: str | os.PathLike | None = None, fit: str | None = None
) -> Predictor:
    """Opens any classifier that label_image takes; `category_names` is a JSON file that maps labels to names.

    `fit` says how pictures become squares for a file that does not say: "squeeze", "crop" or "pad".
    """
    wishes = Wishes(Overrides(fit=None if fit is None else _known(fit)))
    names = None if category_names is None else Path(category_names)
    with quiet_tensorflow.while_loading():
        return Predictor(classifiers.load(Path(path), None, wishes, names=names))


def process_image(path: str | os.PathLike, size: int = 224, fit: str = fitting.SQUEEZE) -> np.ndarray:
    """The picture as (size, size, 3), upright: red, green and blue, float32 from 0 (black) to 1.

    `fit` says how it becomes a square: "squeeze", "crop" or "pad".
    """
    try:
        square = pixels.decode(folders.contents(Path(path)), size, size, fit=_known(fit))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except pixels.UnreadableImage as error:
        raise UserError(f"{path}: {error}") from None
    return pixels.normalise(square, 0, 255)


def _known(fit: str) -> str:
    if fit not in fitting.FITS:
        raise UserError(f"fit={fit!r}: expected one of {', '.join(fitting.FITS)}")
    return fit
