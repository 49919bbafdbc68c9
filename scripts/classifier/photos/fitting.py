"""Turns a picture of any shape into the pixels that a network takes: the one place where pictures become squares.

Networks that take no square get a rectangle in the same ways.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

# squeeze: all of the picture, with other proportions, as in the original scripts. crop: the largest part of its middle
# that has the right proportions. pad: all of it, on a background.
SQUEEZE, CROP, PAD = FITS = ("squeeze", "crop", "pad")

# Poets' networks subtract this mean from pixels, so the background is 0 to them, as is what they see beyond the edge.
BACKGROUND = 128

# Shares of the width and height: left, upper, right, lower.
Part = tuple[float, float, float, float]
WHOLE: Part = (0, 0, 1, 1)

WORDS = {
    SQUEEZE: "the picture, resized to this size",
    CROP: "the largest part of the picture's middle that has these proportions, resized to this size",
    PAD: f"the whole picture with its own proportions, in the middle of grey ({BACKGROUND}), resized to this size",
}


def fit(image: Image.Image, height: int, width: int, how: str, part: Part = WHOLE) -> np.ndarray:
    """[height, width, 3] uint8. `part` of what would be seen may be taken instead of all of it."""
    if how == CROP:
        left, upper, across, down = _with_proportions(image.size, height, width, inside=True)
        image = image.crop((left, upper, left + across, upper + down))
    left, upper, across, down = 0, 0, *image.size
    if how == PAD:
        left, upper, across, down = _with_proportions(image.size, height, width, inside=False)
    columns = _shown(left + part[0] * across, (part[2] - part[0]) * across, image.width, width)
    rows = _shown(upper + part[1] * down, (part[3] - part[1]) * down, image.height, height)
    seen = (columns.count, rows.count)
    if 0 in seen:
        return np.full((height, width, 3), BACKGROUND, np.uint8)
    box = (columns.first, rows.first, columns.last, rows.last)
    resized = image.resize(seen, Image.Resampling.BILINEAR, box=box)
    if seen == (width, height):
        return np.asarray(resized)
    square = Image.new("RGB", (width, height), (BACKGROUND,) * 3)
    square.paste(resized, (columns.at, rows.at))
    return np.asarray(square)


def seen(size: tuple[int, int], height: int, width: int, how: str) -> tuple[int, int, int, int]:
    """Left, upper, right and lower edge of what a square shows of a picture of this size, in the picture's pixels.

    A padded square also shows what lies beyond the picture.
    """
    if how == SQUEEZE:
        return 0, 0, *size
    left, upper, across, down = _with_proportions(size, height, width, inside=how == CROP)
    return left, upper, left + across, upper + down


def _with_proportions(size: tuple[int, int], height: int, width: int, inside: bool) -> tuple[int, int, int, int]:
    """Left, upper, width and height of the rectangle with these proportions around the same middle, as large as fits
    inside the picture, or as small as fits around it. Whole pixels, so that programs without Pillow can do the same."""
    across, down = size
    # How wide and how high it is if it shares the other side with the picture.
    as_wide, as_high = max(1, _nearest(down * width, height)), max(1, _nearest(across * height, width))
    if (as_wide <= across) == inside:
        across = as_wide
    else:
        down = as_high
    return (size[0] - across) // 2, (size[1] - down) // 2, across, down


@dataclass(frozen=True)
class _Shown:
    """In one direction: from where to where the picture is seen, and which pixels of the square that fills."""

    first: float
    last: float
    at: int
    count: int


def _shown(start: float, length: float, side: int, wanted: int) -> _Shown:
    first, last = max(start, 0), min(start + length, side)
    if first >= last:
        return _Shown(0, 0, 0, 0)
    # A thin picture is seen as a line, not as nothing.
    at = min(_nearest((first - start) * wanted, length), wanted - 1)
    return _Shown(first, last, at, max(_nearest((last - start) * wanted, length) - at, 1))


def _nearest(number: float, by: float) -> int:
    """The quotient's nearest whole number, halves upwards."""
    return math.floor((2 * number + by) / (2 * by))
