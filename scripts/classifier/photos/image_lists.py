"""A folder of photos becomes labels and a stable training, validation and testing split."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..errors import UserError
from .folders import Place, folders_in, is_photo, names_in, photos_below

TRAINING, VALIDATION, TESTING = SPLITS = ("training", "validation", "testing")

FEW_PHOTOS = 20

# What folders of a split made by somebody else are called.
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
    other_files: tuple[str, ...] = ()  # neither named like pictures nor starting like one
    empty_folders: tuple[str, ...] = ()  # would be labels if they held photos
    ready_made: bool = False  # whether the folder brought its own split

    def of(self, split: str) -> list[Photo]:
        return [photo for photo in self.photos if photo.split == split]

    def counts(self, split: str | None = None) -> list[int]:
        """The number of photos of each label, in one split or in all."""
        found = Counter(photo.label for photo in self.photos if split in (None, photo.split))
        return [found[label] for label in range(len(self.labels))]

    def describe(self) -> list[str]:
        sizes = ", ".join(f"{len(self.of(split))} {split}" for split in SPLITS)
        whose = "as the folder has it" if self.ready_made else "dealt out here"
        return [f"{self.image_dir}: {len(self.photos)} photos of {len(self.labels)} labels; {sizes} ({whose})"]

    def warnings(self) -> list[str]:
        """What is likely not as the user thinks it is."""
        found = [f"{self.image_dir / name} holds no photos and is left out" for name in self.empty_folders]
        for label, total, training in zip(self.labels, self.counts(), self.counts(TRAINING), strict=True):
            if training == 0:
                found.append(f"{label} has no training photos, so nothing will ever be taken for it")
            elif total < FEW_PHOTOS:
                found.append(f"{label} has {total} photos; fewer than {FEW_PHOTOS} are seldom enough to learn from")
        if self.other_files:
            found.append(f"{len(self.other_files)} other files are left out ({self.other_files[0]} ...)")
        return found


def scan(
    image_dir: Place, testing_percentage: float, validation_percentage: float, fewest_labels: int = 2
) -> ImageLists:
    """Finds the photos below image_dir and deals them out.

    A label is the name of a folder, kept to the letter, with all photos in it and below it. Folders
    named train and valid or test that hold label folders are taken as the split that they are; a part
    that is missing there is dealt out from training.
    """
    _check_percentages(testing_percentage, validation_percentage)
    _check_folder(image_dir)
    parts = _ready_made_split(image_dir)
    found: dict[str, list[tuple[list[str], str]]] = {}  # label -> (paths, split), ...
    other_files: list[str] = []
    empty_folders: list[str] = []
    for part, split in parts or [("", TRAINING)]:
        for label in folders_in(image_dir / part):
            inside = f"{part}/{label}" if part else label
            paths, others = photos_below(image_dir, inside)
            other_files += others
            if paths:
                found.setdefault(label, []).append((paths, split))
            else:
                empty_folders.append(inside)
    labels = tuple(sorted(found))
    _check_labels(image_dir, labels, fewest_labels)
    photos = tuple(
        Photo(path, index, split)
        for index, label in enumerate(labels)
        for path, split in sorted((path, split) for paths, split in found[label] for path in paths)
    )
    lists = ImageLists(image_dir, labels, photos, tuple(sorted(other_files)), tuple(empty_folders), bool(parts))
    return deal(lists, testing_percentage, validation_percentage)


def deal(lists: ImageLists, testing_percentage: float, validation_percentage: float) -> ImageLists:
    """The same photos with their sets decided anew, as needed once unreadable ones are left out."""
    wanted = {TESTING: testing_percentage, VALIDATION: validation_percentage}
    if lists.ready_made:
        present = {photo.split for photo in lists.photos}
        wanted = {split: percentage for split, percentage in wanted.items() if split not in present}
        if not wanted:
            return lists
    free: list[list[str]] = [[] for _ in lists.labels]
    for photo in lists.photos:
        # A split that came with the folder stays; only its training part may be dealt out further.
        if photo.split == TRAINING or not lists.ready_made:
            free[photo.label].append(photo.path)
    held_out: dict[str, str] = {}
    for paths in free:
        held_out.update(_held_out(paths, wanted))
    splits = (held_out.get(each.path, each.split if lists.ready_made else TRAINING) for each in lists.photos)
    photos = (
        photo if photo.split == split else Photo(photo.path, photo.label, split)
        for photo, split in zip(lists.photos, splits, strict=True)
    )
    return replace(lists, photos=tuple(photos))


def without(lists: ImageLists, paths: Iterable[str]) -> ImageLists:
    """The lists without some photos; labels that are left with none go too."""
    gone = set(paths)
    kept = [photo for photo in lists.photos if photo.path not in gone]
    still_there = sorted({photo.label for photo in kept})
    renumbered = {label: index for index, label in enumerate(still_there)}
    labels = tuple(lists.labels[label] for label in still_there)
    _check_labels(lists.image_dir, labels, 2)
    return replace(lists, labels=labels, photos=tuple(replace(p, label=renumbered[p.label]) for p in kept))


def _held_out(paths: list[str], wanted: dict[str, float]) -> dict[str, str]:
    """path -> split for those photos of one label that are not for training.

    Photos whose names agree up to `_nohash_` are variations of one another and stay together. A
    photo's set depends on its path alone, except where that would leave a set empty: then the
    group with the lowest hash moves there from the largest set.
    """
    groups: dict[float, list[str]] = {}
    for path in paths:
        groups.setdefault(_percentage_hash(path), []).append(path)
    dealt: dict[str, list[float]] = {TRAINING: [], **{split: [] for split in wanted}}
    for position in sorted(groups):
        dealt[_split_at(position, wanted)].append(position)
    needy = [TRAINING] + [split for split, percentage in wanted.items() if percentage > 0]
    for split in needy:
        largest = max(dealt.values(), key=len)
        if not dealt[split] and len(largest) > 1:
            dealt[split].append(largest.pop(0))
    return {path: split for split in wanted for position in dealt[split] for path in groups[position]}


def _split_at(position: float, wanted: dict[str, float]) -> str:
    """The original's order: validation lowest, then testing, the rest is training."""
    edge = 0.0
    for split in (VALIDATION, TESTING):
        edge += wanted.get(split, 0)
        if position < edge:
            return split
    return TRAINING


def _percentage_hash(path: str) -> float:
    """Where a photo falls between 0 and 100, from its path alone, so that it stays put when others come."""
    grouped = re.sub(r"_nohash_.*$", "", path) if "_nohash_" in path else path
    number = int.from_bytes(hashlib.sha1(grouped.encode("utf-8", "surrogateescape")).digest()[:7], "big")
    return 100 * number / 2**56


def _ready_made_split(image_dir: Place) -> list[tuple[str, str]]:
    """[(folder, split)] where image_dir holds train and valid or test folders of labels, else []."""
    folders = folders_in(image_dir)
    parts = [(name, _SPLIT_FOLDERS[name.lower()]) for name in folders if name.lower() in _SPLIT_FOLDERS]
    splits = [split for _, split in parts]
    # `train` may also be a label, beside `car` and `bus`: a split has nothing beside it and labels below it.
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
            raise UserError(f"--{name}_percentage={percentage}: expected a number from 0 to 99")
    if testing + validation >= 100:
        raise UserError(
            f"--testing_percentage={testing} and --validation_percentage={validation} leave no photos to train on: "
            "their sum must be below 100"
        )


def _check_folder(image_dir: Place) -> None:
    if not image_dir.exists():
        raise UserError(
            f"{image_dir} does not exist: give --image_dir a folder that holds one folder of photos for each label "
            "(`python -m scripts.fetch flower_photos` fetches an example)"
        )
    if not image_dir.is_dir():
        raise UserError(f"{image_dir} is a file: --image_dir must be a folder with one folder of photos for each label")


def _check_labels(image_dir: Place, labels: tuple[str, ...], fewest: int) -> None:
    for label in labels:
        if not label.isprintable():
            raise UserError(f"the folder {label!r} in {image_dir} cannot be a label: rename it to printable characters")
    if 0 < len(labels) < fewest:
        raise UserError(
            f"{image_dir} holds photos of one label only ({labels[0]}): telling things apart needs at least two "
            "folders of photos"
        )
    if labels:
        return
    names = names_in(image_dir)
    if not names:
        found = "is empty"
    elif any(is_photo(image_dir / name) for name in names if (image_dir / name).is_file()):
        found = "holds photos themselves, not in folders"
    else:
        found = f"holds no folder with photos (it holds {', '.join(names[:3])}{' ...' if len(names) > 3 else ''})"
    raise UserError(f"{image_dir} {found}: put the photos into one folder for each label, named like the label")
