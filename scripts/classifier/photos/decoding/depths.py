"""Turns greys of any depth into greys of 8 bits."""

from __future__ import annotations

import numpy as np
from PIL import Image

# Values converted at once, which bounds the memory for intermediate results.
_AT_ONCE = 1 << 18


def upper_eight(values: np.ndarray, bits: int) -> Image.Image:
    """[height, width] integers of this many bits -> L, by their upper eight bits."""
    return Image.fromarray((values >> (bits - 8)).astype(np.uint8))


def stretched(values: np.ndarray, black: float, white: float) -> Image.Image:
    """[height, width] -> L, where `black` becomes 0 and `white` 255; what is beyond them, and NaN, is clipped."""
    grey = np.empty(values.shape, np.uint8)
    step = max(1, _AT_ONCE // values.shape[1])
    low, high = min(black, white), max(black, white)
    slope = 255 / ((white - black) or 1)
    for top in range(0, len(values), step):
        some = values[top : top + step].astype(np.float64)
        some = np.nan_to_num(some, nan=low, posinf=high, neginf=low).clip(low, high)
        grey[top : top + step] = np.rint((some - black) * slope)
    return Image.fromarray(grey)


def extent(values: np.ndarray) -> tuple[float, float]:
    """The smallest and the largest value, but for NaN and infinity; 0 and 0 if there is no other."""
    if np.issubdtype(values.dtype, np.floating):
        finite = np.isfinite(values)
        if not finite.any():
            return 0.0, 0.0
        return (
            float(values.min(where=finite, initial=np.inf)),
            float(values.max(where=finite, initial=-np.inf)),
        )
    return float(values.min()), float(values.max())
