"""Draws a confusion matrix."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_CELL, _FONT, _MARGIN = 56, 16, 12
_MOST_LABELS_WRITTEN = 40  # beyond that, cells shrink and names would not be readable
_LONGEST_NAME = 24
_TITLE = "row: what it is   column: what it was taken for"


def draw(confusion: np.ndarray, labels: tuple[str, ...]) -> Image.Image:
    """Rows are what photos are, columns what they were taken for; darker is a larger share of the row."""
    count = len(labels)
    written = count <= _MOST_LABELS_WRITTEN
    cell = _CELL if written else max(4, 1600 // count)
    font = ImageFont.load_default(_FONT)
    names = [name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…" for name in labels]
    widest = max(int(font.getlength(name)) for name in names) if written else 0
    left = _MARGIN + widest + _MARGIN if written else _MARGIN
    top = 2 * _FONT + _MARGIN
    below = widest + 2 * _MARGIN if written else _MARGIN
    width = max(left + count * cell, _MARGIN + int(font.getlength(_TITLE))) + _MARGIN
    image = Image.new("RGB", (width, top + count * cell + below), "white")
    pen = ImageDraw.Draw(image)
    pen.text((_MARGIN, _MARGIN // 2), _TITLE, "black", font)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    for row in range(count):
        for column in range(count):
            x, y, share = left + column * cell, top + row * cell, shares[row, column]
            # White to a dark blue that stays apart from white for every kind of colour vision.
            colour = tuple(round(255 + share * (dark - 255)) for dark in (8, 48, 107))
            pen.rectangle((x, y, x + cell - 1, y + cell - 1), colour, "#dddddd" if written else None)
            if written and confusion[row, column]:
                ink = "white" if share > 0.5 else "black"
                pen.text((x + cell / 2, y + cell / 2), str(confusion[row, column]), ink, font, anchor="mm")
        if written:
            pen.text((left - _MARGIN / 2, top + (row + 0.5) * cell), names[row], "black", font, anchor="rm")
    if written:
        for column, name in enumerate(names):
            _write_upwards(image, name, font, left + column * cell, top + count * cell + _MARGIN // 2, cell)
    return image


def _write_upwards(image: Image.Image, text: str, font: ImageFont.FreeTypeFont, x: int, y: int, cell: int) -> None:
    length = max(1, int(font.getlength(text)) + 1)
    strip = Image.new("RGB", (length, _FONT + 8), "white")
    ImageDraw.Draw(strip).text((length, (_FONT + 8) / 2), text, "black", font, anchor="rm")
    turned = strip.rotate(90, expand=True)
    image.paste(turned, (x + (cell - turned.width) // 2, y))
