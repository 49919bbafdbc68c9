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


class Prediction(tuple[np.ndarray, list[str]]):
    """Probabilities and names, as a pair; what else was asked for, as attributes."""

    sure: list[str] | None  # the names of the smallest set that holds the right one as often as promised
    unknown: bool | None  # True if the picture is unlike the training photos
    distance: float | None  # to the training photos; above 1 the picture is unknown

    def __new__(
        cls, probabilities: np.ndarray, names: list[str], sure: list[str] | None, distance: float | None
    ) -> Prediction:
        made = super().__new__(cls, (probabilities, names))
        made.sure, made.distance = sure, distance
        made.unknown = None if distance is None else distance > 1
        return made

    @property
    def probabilities(self) -> np.ndarray:
        return self[0]

    @property
    def names(self) -> list[str]:
        return self[1]


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

    def predict(self, image_path: str | os.PathLike, top_k: int = 5, sure: float | None = None) -> Prediction:
        """The `top_k` highest probabilities, [k] float32, and their names, the highest first.

        With `sure=0.95`, its attribute `sure` has the smallest set of names that holds the right one in 95 of 100
        cases.
        """
        if top_k < 1:
            raise UserError(f"top_k={top_k}: expected at least 1")
        percent = None if sure is None else _percent(sure)
        if percent is not None:
            self._classifier.sure.limit(percent)  # refuses what it cannot promise, before looking
        ((_, answer),) = self._classifier.label([Path(image_path)])
        if isinstance(answer, str):
            raise UserError(f"{image_path}: {answer}")
        best = answer.best(top_k)
        members = self._classifier.sure_set(answer, percent)
        return Prediction(
            answer.scores[best],
            [self.names[at] for at in best],
            None if members is None else [rank.name for rank in members.ranks],
            answer.distance,
        )


def load_classifier(
    path: str | os.PathLike,
    category_names: str | os.PathLike | None = None,
    fit: str | None = None,
    unknown: bool | None = False,
) -> Predictor:
    """Opens any classifier that label_image takes; `category_names` is a JSON file that maps labels to names.

    `fit` says how pictures become squares for a file that does not say: "squeeze", "crop" or "pad". With `unknown=True`
    predictions say whether the picture is unlike the training photos; with None they do if the classifier can tell.
    """
    wishes = Wishes(Overrides(fit=None if fit is None else _known(fit)))
    names = None if category_names is None else Path(category_names)
    with quiet_tensorflow.while_loading():
        return Predictor(classifiers.load(Path(path), None, wishes, unknown, names))


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


def _percent(sure: float) -> float:
    if not 0 < sure < 1:
        raise UserError(f"sure={sure:g}: expected a share above 0 and below 1, such as 0.95")
    return round(100 * sure, 6)
