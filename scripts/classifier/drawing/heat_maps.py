"""Draws photos, each beside what in it spoke for a label or two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from . import heat
from .colours import INK, PAPER, SOFT_INK
from .lettering import Drawn, Lettering
from .percent import percent

PHOTO_SIDE = 400  # the longer side of a photo, in pixels

_GAP, _SCALE_WIDTH, _SCALE_HEIGHT = 24, 200, 14
_TEXT_SIZE, _SMALL_SIZE = 20, 15
_LITTLE, _MUCH = "spoke little for the label", "much"
_NOTHING = "Nothing in the photo spoke for it."


@dataclass(frozen=True)
class For:
    """What in a photo spoke for a label."""

    label: str
    score: float
    heat: np.ndarray  # [height, width] of the photo
    seen: np.ndarray  # bool: the network looked there


@dataclass(frozen=True)
class Explained:
    photo: Image.Image  # at most PHOTO_SIDE a side
    caption: str
    labels: Sequence[For]  # drawn on one scale


def draw(explained: Sequence[Explained]) -> Drawn:
    """The photos one below the other, and beside each a picture of the heat for each label."""
    words = [word for each in explained for word in (each.caption, *(one.label for one in each.labels))]
    everything = "".join([*words, _LITTLE, _MUCH, _NOTHING, "0123456789.%<>"])
    texts, small = Lettering(everything, _TEXT_SIZE), Lettering(everything, _SMALL_SIZE)
    rows = [_row(each, texts, small) for each in explained]
    legend = _legend(small)
    width = max(row.width for row in (*rows, legend))
    whole = Image.new("RGB", (width, sum(row.height for row in rows) + legend.height), PAPER)
    top = 0
    for row in (*rows, legend):
        whole.paste(row, (0, top))
        top += row.height
    return Drawn(whole, texts.missing)


def _row(each: Explained, texts: Lettering, small: Lettering) -> Image.Image:
    top = heat.most([one.heat for one in each.labels])
    columns = [(each.photo, [(line, small, SOFT_INK) for line in small.wrap(each.caption, PHOTO_SIDE)])]
    for one in each.labels:
        lines = [(line, texts, INK) for line in texts.wrap(one.label, PHOTO_SIDE)]
        lines.append((percent(one.score), texts, SOFT_INK))
        if not (one.heat > 0).any():
            lines.append((_NOTHING, small, SOFT_INK))
        columns.append((heat.overlay(each.photo, one.heat, one.seen, top), lines))
    below = max(sum(lettering.height for _, lettering, _ in lines) for _, lines in columns)
    height = max(photo.height for photo, _ in columns)
    row = Image.new("RGB", (len(columns) * (PHOTO_SIDE + _GAP) + _GAP, height + below + 2 * _GAP), PAPER)
    pen = ImageDraw.Draw(row)
    for number, (photo, lines) in enumerate(columns):
        left = _GAP + number * (PHOTO_SIDE + _GAP)
        row.paste(photo, (left + (PHOTO_SIDE - photo.width) // 2, _GAP))
        y = _GAP + photo.height + _GAP // 2
        for line, lettering, colour in lines:
            lettering.write(pen, left + (PHOTO_SIDE - lettering.width(line)) / 2, y, line, colour)
            y += lettering.height
    return row


def _legend(small: Lettering) -> Image.Image:
    """The scale of colours, with a word at each end."""
    widths = [round(small.width(word)) for word in (_LITTLE, _MUCH)]
    left = 2 * _GAP + PHOTO_SIDE
    legend = Image.new("RGB", (left + sum(widths) + _SCALE_WIDTH + 2 * _GAP, small.height + _GAP), PAPER)
    pen = ImageDraw.Draw(legend)
    small.write(pen, left, 0, _LITTLE, SOFT_INK)
    at = left + widths[0] + _GAP // 2
    legend.paste(heat.scale(_SCALE_WIDTH, _SCALE_HEIGHT), (at, (small.height - _SCALE_HEIGHT) // 2))
    small.write(pen, at + _SCALE_WIDTH + _GAP // 2, 0, _MUCH, SOFT_INK)
    return legend
