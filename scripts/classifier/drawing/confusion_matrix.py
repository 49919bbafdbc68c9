"""Draws a confusion matrix."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .colours import GRID, PAPER, laid_thinly
from .lettering import Lettering

_CELL, _FONT, _MARGIN = 56, 16, 12
_MOST_LABELS_WRITTEN = 40  # beyond that, cells shrink and names would not be readable
_LONGEST_NAME = 24
# Of a cell with the whole row; every kind of colour vision tells its shades from the paper.
_ALL = "#08306b"
_TITLE = "row: what it is   column: what it was taken for"


def draw(confusion: np.ndarray, labels: tuple[str, ...]) -> Image.Image:
    """Rows are what photos are, columns what they were taken for; darker is a larger share of the row."""
    count = len(labels)
    written = count <= _MOST_LABELS_WRITTEN
    cell = _CELL if written else max(4, 1600 // count)
    names = [name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…" for name in labels]
    font = Lettering("".join([_TITLE, "0123456789", *(names if written else ())]), _FONT)
    widest = max(int(font.width(name)) for name in names) if written else 0
    left = _MARGIN + widest + _MARGIN if written else _MARGIN
    top = 2 * _FONT + _MARGIN
    below = widest + 2 * _MARGIN if written else _MARGIN
    width = max(left + count * cell, _MARGIN + int(font.width(_TITLE))) + _MARGIN
    image = Image.new("RGB", (width, top + count * cell + below), PAPER)
    pen = ImageDraw.Draw(image)
    font.write(pen, _MARGIN, _MARGIN // 2, _TITLE, "black")
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    for row in range(count):
        for column in range(count):
            x, y, share = left + column * cell, top + row * cell, shares[row, column]
            pen.rectangle((x, y, x + cell - 1, y + cell - 1), laid_thinly(_ALL, share), GRID if written else None)
            if written and confusion[row, column]:
                ink = "white" if share > 0.5 else "black"
                text = str(confusion[row, column])
                font.write(pen, x + (cell - font.width(text)) / 2, y + (cell - font.height) / 2, text, ink)
        if written:
            start = left - _MARGIN / 2 - font.width(names[row])
            font.write(pen, start, top + row * cell + (cell - font.height) / 2, names[row], "black")
    if written:
        for column, name in enumerate(names):
            _write_upwards(image, name, font, left + column * cell, top + count * cell + _MARGIN // 2, cell)
    return image


def _write_upwards(image: Image.Image, text: str, font: Lettering, x: int, y: int, cell: int) -> None:
    strip = Image.new("RGB", (max(1, int(font.width(text)) + 1), font.height), PAPER)
    font.write(ImageDraw.Draw(strip), 0, 0, text, "black")
    turned = strip.rotate(90, expand=True)
    image.paste(turned, (x + (cell - turned.width) // 2, y))
