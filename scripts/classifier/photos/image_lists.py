"""Turns a folder of photos into labels and a stable split into training, validation and test photos."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .. import invocation
from ..errors import UserError
from . import category_names, oddities, walking
from .folders import Place, folders_in, photos_below, photos_in
from .splitting import SPLITS, TESTING, TRAINING, VALIDATION, held_out
from .url_folders import Url
from .wording import counted

# The usual names for the folders of a split.
_SPLIT_FOLDERS = {
    "train": TRAINING,
    "training": TRAINING,
    "valid": VALIDATION,
    "val": VALIDATION,
    "validation": VALIDATION,
    "test": TESTING,
    "testing": TESTING,
}


@dataclass(frozen=True, slots=True)
class Photo:
    path: str  # relative to the image folder, with forward slashes
    label: int  # index into ImageLists.labels
    split: str  # one of SPLITS


@dataclass(frozen=True)
class ImageLists:
    image_dir: Place
    labels: tuple[str, ...]
    photos: tuple[Photo, ...]  # in the order of their paths
    other_files: Mapping[str, str] = field(default_factory=dict)  # path -> what it is instead of a picture
    empty_folders: tuple[str, ...] = ()  # would be labels if they held photos
    stray_photos: tuple[str, ...] = ()  # beside the folders of labels
    left_out: tuple[str, ...] = ()  # in words: folders and links that cannot be followed
    ready_made: bool = False  # the folder brought its own split

    def of(self, split: str) -> list[Photo]:
        return [photo for photo in self.photos if photo.split == split]

    def counts(self, split: str | None = None) -> list[int]:
        """The number of photos of each label, in one split or in all."""
        found = Counter(photo.label for photo in self.photos if split in (None, photo.split))
        return [found[label] for label in range(len(self.labels))]

    def describe(self) -> list[str]:
        sizes = ", ".join(f"{len(self.of(split))} {split}" for split in SPLITS)
        whose = "the folder's own split" if self.ready_made else "split by Poets"
        photos = "1 photo" if len(self.photos) == 1 else f"{len(self.photos)} photos"
        return [f"{self.image_dir}: {photos} of {counted(len(self.labels), 'label')}; {sizes} ({whose})"]

    def warnings(self, named: Mapping[str, str] | None = None) -> list[str]:
        """Likely mistakes in the folder and obstacles to learning. `named` holds the names to show for labels."""
        names = category_names.shown(self.labels, named)
        totals, training = self.counts(), self.counts(TRAINING)
        kind, counts = ("training photos", training) if self.ready_made else ("photos", totals)
        return [
            *self.folder_warnings(),
            *oddities.alike(self.labels, totals),
            *oddities.untrained(names, training),
            *oddities.few(names, totals, training),
            *oddities.uneven(names, counts, kind),
        ]

    def folder_warnings(self) -> list[str]:
        """Likely mistakes that matter whatever the photos are for."""
        return [
            *self._misplaced_labels(),
            *self.left_out,
            *oddities.stray(self.image_dir, self.stray_photos),
            *oddities.empty(self.image_dir, self.empty_folders),
            *oddities.no_photos(self.image_dir, self.other_files),
        ]

    def double_warnings(self, keys: Mapping[str, Sequence[bytes]]) -> list[str]:
        """Photos filed under two labels. `keys` holds one or more keys for the content of each path."""
        return oddities.under_two_labels([(photo.path, photo.label) for photo in self.photos], keys)

    def nested(self) -> list[oddities.Nested]:
        """The labels that are folders of folders, none of them of photos."""
        if self.ready_made:
            return []  # labels are where the split has them
        paths: dict[str, list[str]] = {}
        for photo in self.photos:
            label, _, inside = photo.path.partition("/")
            paths.setdefault(label, []).append(inside)
        found = [oddities.nested(self.image_dir / label, inside) for label, inside in paths.items()]
        return [each for each in found if each is not None]

    def _misplaced_labels(self) -> list[str]:
        folders = self.nested()
        parts = [each.place.name for each in folders if each.place.name.lower() in _SPLIT_FOLDERS]
        if len(parts) > 1:
            others = sorted({*self.labels, *self.empty_folders} - set(parts))
            return oddities.split_with_more(self.image_dir, parts, others) if others else []
        return oddities.one_too_high(folders, len(self.labels))


def scan(
    image_dir: Place, testing_percentage: float, validation_percentage: float, fewest_labels: int = 2
) -> ImageLists:
    """Finds the photos below image_dir and splits them into sets.

    A label is the exact name of a folder, for all photos in it and below it. Folders named train and valid or test
    that hold folders of labels are used as they are. A set that is missing there is taken from training.
    """
    _check_percentages(testing_percentage, validation_percentage)
    check_folder(image_dir)
    parts = _ready_made_split(image_dir)
    found: dict[str, list[tuple[list[str], str]]] = {}  # label -> (paths, split), ...
    other_files: dict[str, str] = {}
    empty_folders: list[str] = []
    stray_photos: list[str] = []
    not_followed = walking.LeftOut()
    for part, split in parts or [("", TRAINING)]:
        stray_photos += photos_in(image_dir, part)
        for label in folders_in(image_dir / part, not_followed):
            inside = f"{part}/{label}" if part else label
            paths, others = photos_below(image_dir, inside, not_followed)
            other_files.update(others)
            if paths:
                found.setdefault(label, []).append((paths, split))
            elif str(image_dir / inside) not in not_followed:
                empty_folders.append(inside)
    labels = tuple(sorted(found))
    _check_names(image_dir, labels)
    if not labels:
        raise UserError(oddities.no_labels(image_dir, stray_photos, other_files))
    if len(labels) < fewest_labels:
        raise UserError(oddities.one_label(image_dir, labels[0], found[labels[0]][0][0]))
    photos = tuple(
        Photo(path, index, split)
        for index, label in enumerate(labels)
        for path, split in sorted((path, split) for paths, split in found[label] for path in paths)
    )
    left_out = other_files, tuple(empty_folders), tuple(stray_photos)
    unread = tuple(walking.described(not_followed))
    lists = ImageLists(image_dir, labels, photos, *left_out, unread, ready_made=bool(parts))
    return deal(lists, testing_percentage, validation_percentage)


def deal(lists: ImageLists, testing_percentage: float, validation_percentage: float) -> ImageLists:
    """Splits the same photos again, as needed once unreadable ones are left out."""
    wanted = {TESTING: testing_percentage, VALIDATION: validation_percentage}
    if lists.ready_made:
        present = {photo.split for photo in lists.photos}
        wanted = {split: percentage for split, percentage in wanted.items() if split not in present}
        if not wanted:
            return lists
    free: list[list[str]] = [[] for _ in lists.labels]
    for photo in lists.photos:
        # A split that came with the folder stays; other sets are only taken from its training photos.
        if photo.split == TRAINING or not lists.ready_made:
            free[photo.label].append(photo.path)
    elsewhere: dict[str, str] = {}
    for paths in free:
        elsewhere.update(held_out(paths, wanted))
    splits = (elsewhere.get(each.path, each.split if lists.ready_made else TRAINING) for each in lists.photos)
    photos = (
        photo if photo.split == split else Photo(photo.path, photo.label, split)
        for photo, split in zip(lists.photos, splits, strict=True)
    )
    return replace(lists, photos=tuple(photos))


def without(lists: ImageLists, paths: Iterable[str]) -> ImageLists:
    """The lists without some photos, and without labels that have none left."""
    gone = set(paths)
    kept = [photo for photo in lists.photos if photo.path not in gone]
    still_there = sorted({photo.label for photo in kept})
    renumbered = {label: index for index, label in enumerate(still_there)}
    labels = tuple(lists.labels[label] for label in still_there)
    if len(labels) < min(2, len(lists.labels)):
        found = labels[0] if labels else "no label"
        raise UserError(f"{lists.image_dir} has readable photos of {found} only: {oddities.TWO_LABELS}")
    return replace(lists, labels=labels, photos=tuple(replace(p, label=renumbered[p.label]) for p in kept))


def _ready_made_split(image_dir: Place) -> list[tuple[str, str]]:
    """[(folder, split)] if image_dir holds train and valid or test folders of labels, else []."""
    folders = folders_in(image_dir)
    parts = [(name, _SPLIT_FOLDERS[name.lower()]) for name in folders if name.lower() in _SPLIT_FOLDERS]
    splits = [split for _, split in parts]
    # `train` may also be a label, beside `car` and `bus`: a split has no other folders beside it, and labels below.
    if len(parts) < 2 or len(parts) < len(folders) or TRAINING not in splits:
        return []
    if not all(folders_in(image_dir / name) for name, _ in parts):
        return []
    twice = [split for split, times in Counter(splits).items() if times > 1]
    if twice:
        names = " and ".join(name for name, split in parts if split == twice[0])
        raise UserError(f"{image_dir} holds {names}, which both mean {twice[0]}: keep one of them")
    return parts


def _check_percentages(testing: float, validation: float) -> None:
    for name, percentage in (("testing", testing), ("validation", validation)):
        if not 0 <= percentage < 100:
            raise UserError(f"--{name}_percentage={percentage:g}: expected a number from 0 to 99")
    if testing + validation >= 100:
        raise UserError(
            f"--testing_percentage={testing:g} and --validation_percentage={validation:g} leave no photos to train on: "
            "their sum must be below 100"
        )


def check_folder(image_dir: Place) -> None:
    """Refuses what cannot be a folder of labels, without looking into the folders in it."""
    if not isinstance(image_dir, Url):
        try:
            os.stat(image_dir)
            if image_dir.is_dir():
                os.scandir(image_dir).close()
        except FileNotFoundError:
            pass
        except OSError as error:
            raise UserError(
                f"{image_dir} cannot be read ({error.strerror}): give --image_dir a folder that can be read"
            ) from None
    if not image_dir.exists():
        raise UserError(
            f"{image_dir} does not exist: give --image_dir a folder that holds one folder of photos for each label "
            f"(`{invocation.command('fetch flower_photos')}` fetches an example)"
        )
    if not image_dir.is_dir():
        raise UserError(f"{image_dir} is a file: --image_dir must be a folder with one folder of photos for each label")
    if not isinstance(image_dir, Url) and not folders_in(image_dir):
        raise UserError(oddities.no_labels(image_dir, photos_in(image_dir), {}))


def _check_names(image_dir: Place, labels: tuple[str, ...]) -> None:
    for label in labels:
        if not label.isprintable() or not label.strip():
            raise UserError(f"the folder {label!r} in {image_dir} cannot be a label: rename it to printable characters")
