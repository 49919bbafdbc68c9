"""Finds likely mistakes in a folder of photos, and says in one line for each kind what to do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import wording
from .folders import Place, folders_in, names_in, photos_in
from .wording import counted, some_of

FEW_PHOTOS = 20
# The number of photos of the largest label, relative to the smallest, that is worth a warning.
_UNEVEN = 5

TWO_LABELS = "a classifier needs at least two labels, each a folder of photos"


@dataclass(frozen=True)
class Nested:
    """A folder without photos of its own whose subfolders look like labels."""

    place: Place
    subfolders: tuple[str, ...]


def nested(place: Place, paths: Iterable[str]) -> Nested | None:
    """`paths` are those of all photos in and below `place`, relative to it."""
    subfolders = set()
    for path in paths:
        subfolder, slash, _ = path.partition("/")
        if not slash:
            return None
        subfolders.add(subfolder)
    return Nested(place, tuple(sorted(subfolders))) if len(subfolders) > 1 else None


def one_too_high(found: Sequence[Nested], label_count: int) -> list[str]:
    """Folders of labels that were taken for labels. If all labels have subfolders, that is probably meant."""
    if not found or len(found) == label_count > 1:
        return []
    if len(found) == 1:
        whose = f"the label {found[0].place.name} is a folder of folders"
        return [f"{whose} ({some_of(found[0].subfolders)}): if those are the labels, use --image_dir={found[0].place}"]
    names = some_of([each.place.name for each in found])
    first = f"for example with --image_dir={found[0].place}"
    return [f"the labels {names} are folders of folders: if those are the labels, train on one folder alone, {first}"]


def split_with_more(image_dir: Place, parts: Sequence[str], others: Sequence[str]) -> list[str]:
    """Folders named like a split but taken for labels, because others lie beside them."""
    beside = f"{some_of(others)} {'lies' if len(others) == 1 else 'lie'} beside them"
    return [
        f"{some_of(parts)} in {image_dir} are taken for labels, because {beside}: if they are a split, move "
        f"{some_of(others)} away"
    ]


def stray(image_dir: Place, photos: Sequence[str]) -> list[str]:
    if not photos:
        return []
    one = len(photos) == 1
    example = f"{image_dir / photos[0]}" if one else f"such as {image_dir / photos[0]}"
    return [
        f"{counted(len(photos), 'photo')} {'lies' if one else 'lie'} beside the label folders and "
        f"{'is' if one else 'are'} left out ({example}): move {'it' if one else 'each'} into the folder of its label"
    ]


def empty(image_dir: Place, folders: Sequence[str]) -> list[str]:
    if not folders:
        return []
    if len(folders) == 1:
        return [f"{image_dir / folders[0]} holds no photos and is left out"]
    return [f"{counted(len(folders), 'folder')} in {image_dir} hold no photos and are left out: {some_of(folders)}"]


def no_photos(image_dir: Place, files: Mapping[str, str]) -> list[str]:
    """`files` says what each is."""
    return wording.not_photos({str(image_dir / path): what for path, what in files.items()})


def alike(labels: Sequence[str], totals: Sequence[int]) -> list[str]:
    """Labels that differ only in case, or in spaces, hyphens and underscores."""
    groups: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        groups.setdefault(_spoken(label), []).append(index)
    pairs = [group for group in groups.values() if len(group) > 1]
    if not pairs:
        return []
    *others, last = [f"{labels[index]!r} ({counted(totals[index], 'photo')})" for index in pairs[0]]
    more = f"; {counted(len(pairs) - 1, 'other label')} also come in several spellings" if len(pairs) > 2 else ""
    if len(pairs) == 2:
        more = f"; so are {' and '.join(repr(labels[index]) for index in pairs[1])}"
    return [
        f"{', '.join(others)} and {last} are separate labels{more}: if they mean the same, move their photos into one "
        "folder"
    ]


def _spoken(label: str) -> str:
    """The label as it sounds. A hyphen counts as a space only between words: -1 is not 1."""
    normal = unicodedata.normalize("NFKC", label).casefold()
    return re.sub(r"[\s_]+|(?<=\w)-(?=\w)", " ", normal).strip()


def untrained(names: Sequence[str], training: Sequence[int]) -> list[str]:
    found = [name for name, count in zip(names, training, strict=True) if count == 0]
    if not found:
        return []
    have = "has" if len(found) == 1 else "have"
    return [f"{some_of(found)} {have} no training photos, so no photo will ever get that label: add photos"]


def few(names: Sequence[str], totals: Sequence[int], training: Sequence[int]) -> list[str]:
    """Labels without any training photos are left to `untrained`."""
    counts = zip(totals, names, training, strict=True)
    found = sorted((total, name) for total, name, learnt in counts if learnt and total < FEW_PHOTOS)
    if not found:
        return []
    enough = f"fewer than {FEW_PHOTOS} are seldom enough to learn from: add more"
    if len(found) == 1:
        ((total, name),) = found
        return [f"{name} has {counted(total, 'photo')}; {enough}"]
    all_labels = "both labels" if len(names) == 2 else f"all {len(names)} labels"
    whose = all_labels if len(found) == len(names) else f"{len(found)} of {len(names)} labels"
    listed = some_of([f"{name} ({total})" for total, name in found])
    return [f"{whose} have fewer than {FEW_PHOTOS} photos, seldom enough to learn from: add to {listed}"]


def uneven(names: Sequence[str], counts: Sequence[int], photos: str) -> list[str]:
    """`photos` says what is counted: photos, or training photos."""
    found = [(count, name) for count, name in zip(counts, names, strict=True) if count]
    (fewest, small), (most, large) = min(found), max(found)
    if most < _UNEVEN * fewest:
        return []
    return [f"{large} has {most:,} {photos}, {small} only {fewest:,}; small labels are learned less well: add to them"]


def under_two_labels(photos: Sequence[tuple[str, int]], keys: Mapping[str, Sequence[bytes]]) -> list[str]:
    """`photos` are (path, label). Those with the same first key have the same content."""
    first: dict[bytes, int] = {}  # the first photo of each content, of which there may be millions
    doubled: dict[bytes, tuple[str, str]] = {}
    for index, (path, label) in enumerate(photos):
        content = keys[path][0]
        known, its_label = photos[first.setdefault(content, index)]
        if its_label != label:
            doubled.setdefault(content, (known, path))
    if not doubled:
        return []
    one, other = next(iter(doubled.values()))
    if len(doubled) == 1:
        return [f"the same photo is filed under two labels, as {one} and {other}: keep one of them"]
    return [
        f"{counted(len(doubled), 'photo')} are filed under two labels, for example as {one} and {other}: keep each "
        "under one"
    ]


def one_label(image_dir: Place, label: str, paths: Iterable[str]) -> str:
    only = f"{image_dir} holds photos of one label only ({label})"
    inside = nested(image_dir / label, (path.partition("/")[2] for path in paths))
    return f"{only}: {TWO_LABELS}" if inside is None else f"{only}; did you mean {_said(inside)}"


def no_labels(image_dir: Place, photos: Sequence[str], others: Mapping[str, str]) -> str:
    todo = "put the photos into one folder for each label, named like the label"
    if photos:
        above = _folders_of_photos_beside(image_dir)
        found = f"{image_dir} holds photos themselves, not in folders"
        if above is None:
            return f"{found}: {todo}"
        return f"{found}: did you mean {_said(above)}; if those are not labels, {todo}"
    names = names_in(image_dir)
    inside = "".join(f"; {words}" for words in no_photos(image_dir, others))
    found = f"holds no folder with photos (it holds {some_of(names)}{inside})" if names else "is empty"
    return f"{image_dir} {found}: {todo}"


def _said(found: Nested) -> str:
    return f"{found.place}? It holds {some_of(found.subfolders)}"


def _folders_of_photos_beside(image_dir: Place) -> Nested | None:
    """The folder above, if it seems to hold one folder for each label."""
    if not isinstance(image_dir, Path) or len(image_dir.absolute().parts) < 3:
        return None
    above = image_dir.parent if image_dir.name not in ("", "..") else image_dir.resolve().parent
    try:
        names = [name for name in folders_in(above) if photos_in(above, name)]
    except OSError:
        return None
    return Nested(above, tuple(names)) if len(names) > 1 else None
