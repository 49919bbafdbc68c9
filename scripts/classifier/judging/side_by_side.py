"""Compares a classifier with itself in another format: size, accuracy and speed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..formats.classifiers import Classifier
from ..photos import folders
from ..photos.image_lists import ImageLists
from ..showing import Show
from . import looking
from .looking import LabelledPhoto

_TIMED = 50  # photos, enough for a stable median


@dataclass(frozen=True)
class Figures:
    """One classifier on the photos that could be read."""

    guesses: np.ndarray  # [n], indices of labels
    right: int
    seconds: float  # for one photo, the network alone

    @property
    def photos(self) -> int:
        return len(self.guesses)


def measure(classifier: Classifier, lists: ImageLists, photos: Sequence[LabelledPhoto], show: Show) -> Figures:
    """All `photos` are of labels that the classifier has."""
    with show(len(photos)) as advance:
        looked = looking.look(classifier, lists, photos, advance)
    guesses = looked.scores.argmax(axis=1)
    right = int((guesses == [photo.label for photo in looked.photos]).sum())
    return Figures(guesses, right, _seconds_a_photo(classifier, lists, looked.photos[:_TIMED]))


def same_guesses(one: Figures, other: Figures) -> int:
    """The number of photos on which both give the same answer."""
    return int((one.guesses == other.guesses).sum())


def size(path: Path) -> int:
    """The bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def _seconds_a_photo(classifier: Classifier, lists: ImageLists, photos: Sequence[LabelledPhoto]) -> float:
    run, take, times = classifier.model.open_runner(), classifier.model.preprocessing, []
    for photo in photos:
        picture = take.apply(folders.contents(lists.image_dir / photo.path))[None]
        started = time.perf_counter()
        run(picture)
        times.append(time.perf_counter() - started)
    return statistics.median(times)
