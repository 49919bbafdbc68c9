"""Lists photos of none of the labels, from a folder of pictures or of folders of them, and splits them as others are.

They teach a classifier what to call unknown, as --none_dir.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from pathlib import Path

from ..errors import UserError
from . import image_lists, oddities, walking
from .folders import Place, photos_below
from .image_lists import ImageLists, Photo
from .splitting import SPLITS, TRAINING
from .url_folders import Url
from .wording import counted, not_photos

_NAME = "none"
FEW = 10


def scan(none_dir: Place, image_dir: Place, testing_percentage: float, validation_percentage: float) -> ImageLists:
    """All photos in none_dir and below it, under one name."""
    _check(none_dir, image_dir)
    not_followed = walking.LeftOut()
    paths, others = photos_below(none_dir, "", not_followed)
    unread = tuple(walking.described(not_followed))
    if not paths:
        why = "; ".join([*not_photos({str(none_dir / path): what for path, what in others.items()}), *unread])
        found = f"holds no photos ({why})" if why else "is empty"
        raise UserError(f"--none_dir: {none_dir} {found}: give a folder of photos of none of the labels")
    photos = tuple(Photo(path, 0, TRAINING) for path in sorted(paths))
    lists = ImageLists(none_dir, (_NAME,), photos, other_files=others, left_out=unread)
    return image_lists.deal(lists, testing_percentage, validation_percentage)


def _check(none_dir: Place, image_dir: Place) -> None:
    if not none_dir.exists():
        raise UserError(f"--none_dir: {none_dir} does not exist: give a folder of photos of none of the labels")
    if not none_dir.is_dir():
        raise UserError(f"--none_dir: {none_dir} is a file: give a folder of photos of none of the labels")
    for inner, outer in ((none_dir, image_dir), (image_dir, none_dir)):
        if _is_within(inner, outer):
            where = "the same folder as" if _is_within(outer, inner) else f"{_named(inner, none_dir)} lies in"
            whole = f"--none_dir is {where} --image_dir" if "same" in where else f"{where} {_named(outer, none_dir)}"
            raise UserError(f"{whole} ({none_dir}): photos of none of the labels need a folder outside the labels' own")


def _named(place: Place, none_dir: Place) -> str:
    return "--none_dir" if place is none_dir else "--image_dir"


def _is_within(inner: Place, outer: Place) -> bool:
    """True if they are the same, too."""
    if isinstance(inner, Url) or isinstance(outer, Url):
        return str(inner) == str(outer) or str(inner).startswith(f"{outer}/")
    return Path(inner).resolve().is_relative_to(Path(outer).resolve())


def describe(lists: ImageLists) -> str:
    sizes = ", ".join(f"{len(lists.of(split))} {split}" for split in SPLITS)
    return f"{lists.image_dir}: {counted(len(lists.photos), 'photo')} of none of the labels; {sizes}"


def warnings(lists: ImageLists) -> list[str]:
    """Likely mistakes in the folder, and obstacles to learning."""
    found = [*lists.left_out, *oddities.no_photos(lists.image_dir, lists.other_files)]
    if len(lists.photos) < FEW:
        found.append(
            f"--none_dir: {lists.image_dir} has {counted(len(lists.photos), 'photo')}: expect little gain from fewer "
            f"than {FEW}, and no reliable figure for it; add photos, of as many different things as you can"
        )
    return found


def without_copies(
    lists: ImageLists, known: Iterable[Hashable], content_of: Callable[[str], Hashable]
) -> tuple[ImageLists, list[str]]:
    """Each content once and none of the `known`, whose label it would contradict; and the paths of those.

    Test photos go first: none of them is a copy of one that was learned from. `content_of` takes a path.
    """
    also, seen = set(known), set()
    kept, contradicting = set(), []
    for photo in (photo for split in SPLITS for photo in lists.of(split)):
        content = content_of(photo.path)
        if content in also:
            contradicting.append(photo.path)
        elif content not in seen:
            seen.add(content)
            kept.add(photo.path)
    return replace(lists, photos=tuple(photo for photo in lists.photos if photo.path in kept)), contradicting


def contradiction(lists: ImageLists, copies: list[str], image_dir: Place) -> str:
    """The warning about photos that are in both folders."""
    one = len(copies) == 1
    found = f"left out {counted(len(copies), 'photo')} of --none_dir that {'is' if one else 'are'} also in {image_dir}"
    example = f"{'' if one else 'such as '}{lists.image_dir / copies[0]}"
    return f"{found} ({example}): a photo of a label does not belong there"
