"""Draws a confusion matrix."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .colours import GRID, INK, PAPER, RIGHT, SOFT_INK, WRONG, cell_strength, laid_thinly
from .lettering import Lettering

_CELL, _FONT, _MARGIN = 56, 16, 12
_MOST_LABELS_COUNTED = 40  # with more, cells are too small for counts
_MOST_LABELS_NAMED = 130  # with still more, too small for names beside them
_SMALL_CELL, _SMALL_FONT = 15, 12
_WHOLE = 1600  # pixels that all cells share if nothing is written
_LONGEST_NAME = 24
_TITLE = "row: what it is   column: what it was taken for"


def draw(confusion: np.ndarray, labels: tuple[str, ...]) -> Image.Image:
    """Rows are what photos show, columns the answers; the stronger the colour, the larger the share of the row."""
    count = len(labels)
    counted, named = count <= _MOST_LABELS_COUNTED, count <= _MOST_LABELS_NAMED
    cell = _CELL if counted else _SMALL_CELL if named else max(4, _WHOLE // count)
    names = [_shortened(label) for label in labels] if named else []
    heading = Lettering(_TITLE, _FONT)
    font = Lettering("".join(["0123456789", *names]), _FONT if counted else _SMALL_FONT)
    widest = max((int(font.width(name)) for name in names), default=0)
    left, below = (_MARGIN + widest + _MARGIN, widest + 2 * _MARGIN) if named else (_MARGIN, _MARGIN)
    top = 2 * _FONT + _MARGIN
    width = max(left + count * cell, _MARGIN + int(heading.width(_TITLE))) + _MARGIN
    image = Image.new("RGB", (width, top + count * cell + below), PAPER)
    pen = ImageDraw.Draw(image)
    heading.write(pen, _MARGIN, _MARGIN // 2, _TITLE, SOFT_INK)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    for row in range(count):
        for column in range(count):
            x, y = left + column * cell, top + row * cell
            strength = cell_strength(shares[row, column])
            fill = laid_thinly(RIGHT if row == column else WRONG, strength)
            pen.rectangle((x, y, x + cell - (not named), y + cell - (not named)), fill, GRID if named else None)
            if counted and confusion[row, column]:
                ink = PAPER if strength > 0.7 else INK
                text = str(confusion[row, column])
                font.write(pen, x + (cell - font.width(text)) / 2, y + (cell - font.height) / 2, text, ink)
    for at, name in enumerate(names):
        start = left - _MARGIN / 2 - font.width(name)
        font.write(pen, start, top + at * cell + (cell - font.height) / 2, name, INK)
        _write_upwards(image, name, font, left + at * cell, top + count * cell + _MARGIN // 2, cell)
    return image


def _shortened(label: str) -> str:
    return label if len(label) <= _LONGEST_NAME else label[: _LONGEST_NAME - 1] + "…"


def _write_upwards(image: Image.Image, text: str, font: Lettering, x: int, y: int, cell: int) -> None:
    strip = Image.new("RGB", (max(1, int(font.width(text)) + 1), font.height), PAPER)
    font.write(ImageDraw.Draw(strip), 0, 0, text, INK)
    turned = strip.rotate(90, expand=True)
    image.paste(turned, (x + (cell - turned.width) // 2, y))
