"""Draws a sheet of sample photos from a folder of labels, with the labels' names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest

import numpy as np
from PIL import Image, ImageOps

from ..errors import UserError
from ..photos import pixels
from ..photos.folders import Place
from ..photos.image_lists import ImageLists, Photo
from . import captions
from .colours import PAPER
from .lettering import Drawn

_COLUMNS, _MOST = 6, 36


def draw(lists: ImageLists, names: Sequence[str], seed: int = 0) -> Drawn:
    """Square pieces of up to 36 photos, the same number of each label, named under its first photo in a row.

    `names` are those of lists.labels.
    """
    side, _ = captions.box(_MOST, None, _COLUMNS)
    random = np.random.default_rng(seed)
    labels, each = _shares(len(lists.labels))
    blank = Image.new("RGB", (side, side), PAPER), ""
    squares = []
    for label in labels:
        mine = [lists.image_dir / photo.path for photo in lists.photos if photo.label == label]
        readable = _squares((mine[at] for at in random.permutation(len(mine))), side)
        shown = [(square, "" if at % _COLUMNS else names[label]) for at, square in enumerate(islice(readable, each))]
        # A label with too few photos is filled up with blanks, so that the next one begins in its own place.
        squares += shown + [blank] * (-len(shown) % min(each, _COLUMNS))
    if not squares:
        raise UserError(f"no photo in {lists.image_dir} can be read: there is nothing to draw")
    return captions.draw(squares, None, _COLUMNS)


def draw_some(lists: ImageLists, names: Sequence[str], count: int, columns: int, seed: int = 0) -> Drawn:
    """`count` photos, taken from the labels in turn."""
    side, _ = captions.box(count, None, columns)
    order = np.random.default_rng(seed).permutation(len(lists.photos))
    turns: dict[int, list[Photo]] = {}
    for photo in (lists.photos[at] for at in order):
        turns.setdefault(photo.label, []).append(photo)
    in_turn = [photo for turn in zip_longest(*turns.values()) for photo in turn if photo is not None]
    readable = (
        (square, names[photo.label])
        for photo in in_turn
        for square in _squares(iter([lists.image_dir / photo.path]), side)
    )
    return captions.draw(list(islice(readable, count)), None, columns)


def _shares(labels: int) -> tuple[list[int], int]:
    """Which labels are shown, and how many photos of each: whole rows of few labels, parts of a row of many."""
    if labels <= _COLUMNS:
        return list(range(labels)), _MOST // labels // _COLUMNS * _COLUMNS
    shown = min(labels, _MOST)
    each = next(number for number in (3, 2, 1) if number * shown <= _MOST)
    return [at * labels // shown for at in range(shown)], each


def _squares(paths: Iterator[Place], side: int) -> Iterator[Image.Image]:
    """The middle of each photo that can be read."""
    for path in paths:
        try:
            photo = pixels.open_rgb(path.read_bytes(), 2 * side)  # so that the shorter one is seldom below `side`
        except (pixels.UnreadableImage, OSError):
            continue
        yield ImageOps.fit(photo, (side, side), Image.Resampling.BICUBIC)
