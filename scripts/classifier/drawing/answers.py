"""Draws photos beside a classifier's answers: the highest scores, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageOps

from .colours import BLUE, INK, PAPER, SOFT_INK
from .lettering import Drawn, Lettering
from .percent import percent

PHOTO_SIDE = 440  # the longer side of a photo, in pixels

_CHART, _GAP, _VALUE = 520, 24, 100  # widths: a bar with its value, the space between columns, a value
_TEXT_SIZE, _SMALL_SIZE = 20, 15
_BAR, _BELOW_BAR = 14, 14  # heights
# The first answer in the blue of training curves, the others paler, and all grey if the photo is none of them: people
# with any kind of colour vision see the difference.
_FIRST, _OTHERS, _TRACK, _MUTED = BLUE, "#8fb4d0", "#eeeeee", "#bdbdbd"


@dataclass(frozen=True)
class Shown:
    """A photo and the answer: names and their scores, the highest first."""

    photo: Image.Image
    caption: str
    scores: Sequence[tuple[str, float]]
    unknown: tuple[str, str] | None = None  # shown first if the photo is none of the labels: a word, and why
    sure: str | None = None  # the labels that it may be, above the scores


def draw(answers: Sequence[Shown]) -> Drawn:
    """Draws the answers one below the other. Long names are not cut but take several lines."""
    words = [word for each in answers for word in (each.caption, *_words(each))]
    everything = "".join([*words, "0123456789.%<>"])
    texts, small = Lettering(everything, _TEXT_SIZE), Lettering(everything, _SMALL_SIZE)
    rows = [_row(each, texts, small) for each in answers]
    whole = Image.new("RGB", (PHOTO_SIDE + _CHART + 3 * _GAP, sum(row.height for row in rows)), PAPER)
    top = 0
    for row in rows:
        whole.paste(row, (0, top))
        top += row.height
    return Drawn(whole, texts.missing)


def _row(shown: Shown, texts: Lettering, small: Lettering) -> Image.Image:
    photo = ImageOps.contain(shown.photo, (PHOTO_SIDE, PHOTO_SIDE), Image.Resampling.LANCZOS)
    below = small.wrap(shown.caption, PHOTO_SIDE)
    left = photo.height + _GAP // 2 + len(below) * small.height
    # Drawn on a sheet that is high enough, then cropped.
    lines = sum(len(texts.wrap(word, _CHART - _VALUE)) for word in _words(shown))
    tallest = lines * texts.height + (len(shown.scores) + 2) * (_BAR + _BELOW_BAR)
    row = Image.new("RGB", (PHOTO_SIDE + _CHART + 3 * _GAP, max(left, tallest) + 2 * _GAP), PAPER)
    pen = ImageDraw.Draw(row)
    row.paste(photo, (_GAP + (PHOTO_SIDE - photo.width) // 2, _GAP))
    for number, line in enumerate(below):
        y = _GAP + photo.height + _GAP // 2 + number * small.height
        small.write(pen, _GAP + (PHOTO_SIDE - small.width(line)) / 2, y, line, SOFT_INK)
    bottom = _answer(pen, shown, texts, small)
    return row.crop((0, 0, row.width, max(left + _GAP, bottom) + _GAP))


def _words(shown: Shown) -> list[str]:
    """Everything beside the photo but the values."""
    sure = [] if shown.sure is None else [shown.sure]
    return [*(shown.unknown or ()), *sure, *(name for name, _ in shown.scores)]


def _answer(pen: ImageDraw.ImageDraw, shown: Shown, texts: Lettering, small: Lettering) -> int:
    """Draws the answer to the right of the photo, and returns where it ends."""
    x, y = PHOTO_SIDE + 2 * _GAP, _GAP
    if shown.unknown is not None:
        word, why = shown.unknown
        y = _write(pen, x, y, word, texts, INK)
        y = _write(pen, x, y, why, small, SOFT_INK) + _BELOW_BAR
    if shown.sure is not None:
        y = _write(pen, x, y, shown.sure, small, SOFT_INK) + _BELOW_BAR
    for rank, (name, score) in enumerate(shown.scores):
        ink, colour = (INK, _FIRST if rank == 0 else _OTHERS) if shown.unknown is None else (SOFT_INK, _MUTED)
        y = _write(pen, x, y, name, texts, ink)
        _bar(pen, x, y, score, texts, colour, ink)
        y += _BAR + _BELOW_BAR
    return y


def _write(pen: ImageDraw.ImageDraw, x: int, y: int, text: str, lettering: Lettering, colour: str) -> int:
    """Writes as many lines as the text takes, and returns where the next one begins."""
    for line in lettering.wrap(text, _CHART - _VALUE):  # clear of the values
        lettering.write(pen, x, y, line, colour)
        y += lettering.height
    return y


def _bar(pen: ImageDraw.ImageDraw, x: int, y: int, score: float, texts: Lettering, colour: str, ink: str) -> None:
    """Draws a bar on a track whose whole length is 100 %, with the value to the right."""
    length = _CHART - _VALUE
    pen.rectangle((x, y, x + length, y + _BAR - 1), _TRACK)
    filled = round(max(0.0, min(1.0, score)) * length)
    if filled:
        pen.rectangle((x, y, x + filled, y + _BAR - 1), colour)
    value = percent(score)
    texts.write(pen, x + _CHART - texts.width(value), y + (_BAR - texts.height) / 2, value, ink)
