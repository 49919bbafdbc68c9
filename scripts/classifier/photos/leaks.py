"""Test photos that training has seen, because the same file also lies among the training or validation photos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .image_lists import TESTING, ImageLists, Photo
from .wording import counted


def without(lists: ImageLists, contents: Mapping[str, bytes]) -> ImageLists:
    """The lists without such test photos, which would flatter the classifier. `contents` holds all photos' digests."""
    gone = {photo.path for photo in _leaked(lists, contents)}
    return replace(lists, photos=tuple(photo for photo in lists.photos if photo.path not in gone)) if gone else lists


def warnings(lists: ImageLists, contents: Mapping[str, bytes]) -> list[str]:
    found = _leaked(lists, contents)
    if not found:
        return []
    photos = counted(
        len(found),
        "test photo is also a training or validation photo",
        "test photos are also training or validation photos",
    )
    others, them = ("", "it is") if len(found) == 1 else (" ...", "they are")
    return [f"{photos} ({found[0].path}{others}): {them} left out of the test"]


def _leaked(lists: ImageLists, contents: Mapping[str, bytes]) -> list[Photo]:
    seen = {contents[photo.path] for photo in lists.photos if photo.split != TESTING}
    return [photo for photo in lists.of(TESTING) if contents[photo.path] in seen]
