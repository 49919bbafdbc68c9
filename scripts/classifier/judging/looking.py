"""Runs a written classifier on photos whose labels are known."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import UserError
from ..formats.classifiers import Answer, Classifier
from ..photos import image_lists
from ..photos.folders import Place
from ..photos.image_lists import TESTING, VALIDATION, ImageLists
from ..showing import Advance


@dataclass(frozen=True)
class LabelledPhoto:
    path: str  # relative to the image folder, with forward slashes
    label: int | None  # index into the classifier's labels; None: none of them
    split: str


@dataclass(frozen=True)
class Looked:
    """The photos that could be read and the classifier's answers, row by row."""

    photos: list[LabelledPhoto]
    scores: np.ndarray  # [n, labels]
    bottlenecks: np.ndarray | None  # [n, values]
    unknown: np.ndarray | None  # [n] bool: answered "unknown"; None: not asked
    unreadable: dict[str, str]

    def rows(self, wanted: Callable[[LabelledPhoto], bool]) -> np.ndarray:
        return np.array([row for row, photo in enumerate(self.photos) if wanted(photo)], np.int64)


def scan(image_dir: Place, record: dict | None) -> ImageLists:
    """Splits the photos as the training in `record` did, or else by the defaults."""
    options = (record or {}).get("options", {})
    testing, validation = (options.get(f"{split}_percentage", 10.0) for split in (TESTING, VALIDATION))
    return image_lists.scan(image_dir, testing, validation, fewest_labels=1)


def match(
    lists: ImageLists, labels: tuple[str, ...], strangers_too: bool = False
) -> tuple[list[LabelledPhoto], list[str]]:
    """The photos with their labels as the classifier has them, and the folders that are none of its labels.

    TensorFlow for Poets wrote labels in lower case, with a space for anything but letters and digits.
    """
    exact = {label: index for index, label in enumerate(labels)}
    alike = {_as_the_original_wrote(label): index for index, label in enumerate(labels)}
    if not exact.keys() & set(lists.labels):
        # The folders may be named as the labels were, before their numbers were taken off.
        for first in (0, 1):
            alike |= {_as_the_original_wrote(f"{at + first} {label}"): at for at, label in enumerate(labels)}
    indices = [exact.get(name, alike.get(_as_the_original_wrote(name))) for name in lists.labels]
    if not strangers_too and all(index is None for index in indices):
        inside = [each.place for each in lists.nested() if not set(labels).isdisjoint(each.subfolders)]
        todo = "give --image_dir a folder of photos of its labels"
        raise UserError(
            f"none of the folders in {lists.image_dir} ({_some(lists.labels)}) is named like a label of the classifier "
            f"({_some(labels)}): {f'did you mean --image_dir={inside[0]}?' if inside else todo}"
        )
    photos = [LabelledPhoto(photo.path, indices[photo.label], photo.split) for photo in lists.photos]
    return photos, [name for name, index in zip(lists.labels, indices, strict=True) if index is None]


def _some(labels: Sequence[str]) -> str:
    return ", ".join(labels[:3]) + (" ..." if len(labels) > 3 else "")


def look(classifier: Classifier, lists: ImageLists, photos: Sequence[LabelledPhoto], advance: Advance) -> Looked:
    kept: list[LabelledPhoto] = []
    answers: list[Answer] = []
    unreadable: dict[str, str] = {}
    pictures = [lists.image_dir / photo.path for photo in photos]
    for photo, (_, answer) in zip(photos, classifier.label(pictures), strict=True):
        advance(1)
        if isinstance(answer, str):
            unreadable[photo.path] = answer
        else:
            kept.append(photo)
            answers.append(answer)
    if not answers:
        reason = next(iter(unreadable.values()), "there are none")
        raise UserError(f"none of the photos to evaluate in {lists.image_dir} can be read ({reason})")
    bottlenecks = [answer.bottleneck for answer in answers if answer.bottleneck is not None]
    asked = answers[0].distance is not None
    return Looked(
        kept,
        np.stack([answer.scores for answer in answers]),
        np.stack(bottlenecks) if bottlenecks else None,
        np.array([answer.unknown for answer in answers]) if asked else None,
        unreadable,
    )


def _as_the_original_wrote(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()
