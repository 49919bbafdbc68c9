"""Draws photos beside what a classifier makes of them: its highest scores, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageOps

from .colours import BLUE, INK, PAPER, SOFT_INK
from .lettering import Drawn, Lettering

PHOTO_SIDE = 440  # what a photo fills in one direction, in pixels

_CHART, _GAP, _VALUE = 520, 24, 84  # widths of bars with their values, of what is between, of a value
_TEXT_SIZE, _CAPTION_SIZE = 20, 15
_BAR, _BELOW_BAR = 14, 14  # heights
# The first answer in the blue of training curves, the others paler; every kind of colour vision tells them apart.
_FIRST, _OTHERS, _TRACK = BLUE, "#8fb4d0", "#eeeeee"


@dataclass(frozen=True)
class Shown:
    """A photo and what it was taken for: names and their scores, the highest first."""

    photo: Image.Image
    caption: str
    scores: Sequence[tuple[str, float]]
    remark: str | None = None  # stands above the bars


def draw(answers: Sequence[Shown]) -> Drawn:
    """One below the other. No name is cut: long ones take several lines."""
    words = [text for each in answers for text in (each.remark or "", *(name for name, _ in each.scores))]
    lettering = Lettering("".join([*words, "0123456789.%"]), _TEXT_SIZE)
    captions = Lettering("".join(each.caption for each in answers), _CAPTION_SIZE)
    rows = [_row(each, lettering, captions) for each in answers]
    whole = Image.new("RGB", (PHOTO_SIDE + _CHART + 3 * _GAP, sum(row.height for row in rows)), PAPER)
    top = 0
    for row in rows:
        whole.paste(row, (0, top))
        top += row.height
    return Drawn(whole, "".join(sorted({*lettering.missing, *captions.missing})))


def _row(shown: Shown, lettering: Lettering, captions: Lettering) -> Image.Image:
    photo = ImageOps.contain(shown.photo, (PHOTO_SIDE, PHOTO_SIDE), Image.Resampling.LANCZOS)
    below = captions.wrap(shown.caption, PHOTO_SIDE)
    remark = [] if shown.remark is None else lettering.wrap(shown.remark, _CHART)
    named = [(lettering.wrap(name, _CHART), score) for name, score in shown.scores]
    bars = sum(len(lines) * lettering.height + _BAR + _BELOW_BAR for lines, _ in named)
    bars += len(remark) * lettering.height + (_BELOW_BAR if remark else 0)
    left = photo.height + _GAP // 2 + len(below) * captions.height
    row = Image.new("RGB", (PHOTO_SIDE + _CHART + 3 * _GAP, max(left, bars) + 2 * _GAP), PAPER)
    pen = ImageDraw.Draw(row)
    row.paste(photo, (_GAP + (PHOTO_SIDE - photo.width) // 2, _GAP))
    for number, line in enumerate(below):
        y = _GAP + photo.height + _GAP // 2 + number * captions.height
        captions.write(pen, _GAP + (PHOTO_SIDE - captions.width(line)) / 2, y, line, SOFT_INK)
    x, y = PHOTO_SIDE + 2 * _GAP, _GAP
    for line in remark:
        lettering.write(pen, x, y, line, INK)
        y += lettering.height
    y += _BELOW_BAR if remark else 0
    for rank, (lines, score) in enumerate(named):
        for line in lines:
            lettering.write(pen, x, y, line, INK)
            y += lettering.height
        _bar(pen, x, y, score, lettering, first=rank == 0)
        y += _BAR + _BELOW_BAR
    return row


def _bar(pen: ImageDraw.ImageDraw, x: int, y: int, score: float, lettering: Lettering, *, first: bool) -> None:
    """On a track that is as long as a score of 100 %, which is written behind it."""
    length = _CHART - _VALUE
    pen.rectangle((x, y, x + length, y + _BAR - 1), _TRACK)
    filled = round(max(0.0, min(1.0, score)) * length)
    if filled:
        pen.rectangle((x, y, x + filled, y + _BAR - 1), _FIRST if first else _OTHERS)
    value = f"{100 * score:.1f} %"
    lettering.write(pen, x + _CHART - lettering.width(value), y + (_BAR - lettering.height) / 2, value, INK)
