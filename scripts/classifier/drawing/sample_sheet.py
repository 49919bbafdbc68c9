"""Draws a sheet of sample photos from a folder of labels, each with its label's name."""

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
from .lettering import Drawn

_COLUMNS, _ROWS = 6, 6


def draw(lists: ImageLists, names: Sequence[str], seed: int = 0) -> Drawn:
    """Square pieces of up to 36 photos; `names` are those of lists.labels. Another seed shows others."""
    side, _ = captions.box(_COLUMNS * _ROWS, None, _COLUMNS)
    random = np.random.default_rng(seed)
    labels, each = _shares(len(lists.labels))
    squares = []
    for label in labels:
        mine = [lists.image_dir / photo.path for photo in lists.photos if photo.label == label]
        readable = _squares((mine[at] for at in random.permutation(len(mine))), side)
        squares += [(square, names[label]) for square in islice(readable, each)]
    if not squares:
        raise UserError(f"no photo in {lists.image_dir} can be read: there is nothing to show of it")
    return captions.draw(squares, None, _COLUMNS)


def draw_some(lists: ImageLists, names: Sequence[str], count: int, columns: int, seed: int = 0) -> Drawn:
    """`count` photos, all labels taking turns."""
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
    """Which labels are shown, and how many photos of each: whole rows of few labels, one each of many."""
    if labels <= _ROWS:
        return list(range(labels)), _COLUMNS * max(1, _ROWS // labels)
    shown = min(labels, _COLUMNS * _ROWS)
    return [at * labels // shown for at in range(shown)], _COLUMNS * _ROWS // shown


def _squares(paths: Iterator[Place], side: int) -> Iterator[Image.Image]:
    """The middle of each photo; what cannot be read is passed over."""
    for path in paths:
        try:
            photo = pixels.open_rgb(path.read_bytes(), 2 * side)  # so that the shorter side is hardly below it
        except (pixels.UnreadableImage, OSError):
            continue
        yield ImageOps.fit(photo, (side, side), Image.Resampling.BICUBIC)
