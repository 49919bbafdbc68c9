"""Puts captions under photos, and several such photos onto one sheet."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from PIL import Image, ImageDraw

from .colours import INK, PAPER
from .lettering import Drawn, Lettering

NARROWEST = 160  # narrower captions would hold few words a line

# A single photo keeps its own width within these bounds, unless another is asked for.
_ALONE_NARROWEST, _ALONE_WIDEST = 320, 1600
_SHEET_WIDTH, _MOST_COLUMNS = 1200, 6
# Height / width. A single photo is bounded, as a very tall one would give a picture of any height. The cells of a sheet
# take the median shape of its photos, within these bounds.
_TALLEST, _FLATTEST_CELL, _TALLEST_CELL = 2.0, 0.6, 1.0
_GAP = 10
_MAT = "#f0f0f0"  # behind photos that do not fill their cells


def box(count: int, width: int | None, columns: int | None = None) -> tuple[int, int]:
    """The most pixels, wide and high, that each photo gets in a picture of `count` photos."""
    if count == 1:
        wide = _ALONE_WIDEST if width is None else width
        return wide, round(wide * _TALLEST)
    width = _SHEET_WIDTH if width is None else width
    cell = _cell(width, _columns(count, width) if columns is None else columns, _GAP)
    return cell, cell


def draw(photos: Sequence[tuple[Image.Image, str]], width: int | None, columns: int | None = None) -> Drawn:
    """A photo with its caption beneath, or a sheet of several; `width` is that of the whole in pixels."""
    most = box(len(photos), width, columns)
    if len(photos) > 1:
        width = _SHEET_WIDTH if width is None else width
        columns = _columns(len(photos), width) if columns is None else columns
        most = most[0], _cell_height([photo for photo, _ in photos], most[0])
        return _sheet(photos, most, width, columns, gap=_GAP, inset=0)
    if width is None:
        ((photo, _),) = photos
        width = min(max(photo.width, _ALONE_NARROWEST), _ALONE_WIDEST)
        most = min(photo.width, width), most[1]
    return _sheet(photos, most, width, 1, gap=0, inset=_GAP)


def _columns(count: int, width: int) -> int:
    """Makes a sheet about as many cells wide as high."""
    return max(1, min(math.ceil(math.sqrt(count)), _MOST_COLUMNS, (width - _GAP) // (NARROWEST + _GAP)))


def _cell_height(photos: Sequence[Image.Image], width: int) -> int:
    shape = statistics.median(photo.height / photo.width for photo in photos)
    return round(width * min(max(shape, _FLATTEST_CELL), _TALLEST_CELL))


def _cell(width: int, columns: int, gap: int) -> int:
    return (width - gap) // columns - gap


def _sheet(
    photos: Sequence[tuple[Image.Image, str]], most: tuple[int, int], width: int, columns: int, gap: int, inset: int
) -> Drawn:
    """Cells side by side, `gap` apart; in each a photo of at most `most` and its caption, `inset` from the sides."""
    cell = _cell(width, columns, gap)
    lettering = Lettering("".join(caption for _, caption in photos), min(max(cell // 36, 13), 28))
    rows = []
    for at in range(0, len(photos), columns):
        fitted = [_fit(photo, *most) for photo, _ in photos[at : at + columns]]
        captions = [lettering.wrap(caption, cell - 2 * inset) for _, caption in photos[at : at + columns]]
        most_lines = max(len(lines) for lines in captions)
        strip = most_lines * lettering.height + 3 * _GAP // 2 if most_lines else gap
        rows.append((fitted, captions, max(photo.height for photo in fitted), strip))
    sheet = Image.new("RGB", (width, gap + sum(tall + strip for _, _, tall, strip in rows)), PAPER)
    pen = ImageDraw.Draw(sheet)
    top = gap
    for fitted, captions, tall, strip in rows:
        for column, (photo, lines) in enumerate(zip(fitted, captions, strict=True)):
            left = gap + column * (cell + gap)
            if len(photos) > 1:
                pen.rectangle((left, top, left + cell - 1, top + tall - 1), _MAT)
            sheet.paste(photo, (left + (cell - photo.width) // 2, top + (tall - photo.height) // 2))
            for number, line in enumerate(lines):
                lettering.write(pen, left + inset, top + tall + _GAP // 2 + number * lettering.height, line, INK)
        top += tall + strip
    return Drawn(sheet, lettering.missing)


def _fit(photo: Image.Image, width: int, height: int) -> Image.Image:
    scale = min(width / photo.width, height / photo.height)
    size = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
    return photo if size == photo.size else photo.resize(size, Image.Resampling.LANCZOS)
