"""Compares two classifiers on drawn pictures, where there are no photos."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..formats.classifiers import Classifier
from ..photos import fitting

SEEDS = range(8)
_PATCHES = 6  # along each side: large areas of colour tell networks more than noise does


def difference(one: Classifier, other: Classifier) -> float:
    """The largest difference in any score."""
    return max(float(np.abs(_scores(one, seed) - _scores(other, seed)).max()) for seed in SEEDS)


def _scores(classifier: Classifier, seed: int) -> np.ndarray:
    take = classifier.model.preprocessing
    patches = np.random.default_rng(seed).integers(0, 256, (_PATCHES, _PATCHES, 3)).astype(np.uint8)
    square = fitting.fit(Image.fromarray(patches), take.input_height, take.input_width, fitting.SQUEEZE)
    return classifier.answers(classifier.model.open_runner(), take.normalise(square)[None])[0].scores
