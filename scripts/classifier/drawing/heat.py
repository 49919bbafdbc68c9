"""Lays heat over photos.

The photo turns dark and grey, and heat glows on it: the more, the lighter. Lightness grows evenly with the heat, which
eyes of any kind see, and the colours run from violet to yellow, which stay apart with any kind of colour vision.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

# From no heat to the most. Their lightness (L* of CIELAB) rises in even steps.
_COLOURS = np.array(
    [
        (27, 12, 65),
        (74, 12, 107),
        (120, 28, 109),
        (165, 44, 96),
        (207, 68, 70),
        (237, 105, 37),
        (251, 155, 6),
        (247, 209, 61),
    ]
)
_DARKER = 0.45  # what is left of the grey photo's light below the heat
_STRONGEST = 0.8  # the share of the heat's colour where there is most: the photo still shows through
_UNSEEN = (0.25, 175)  # what is left of a photo's contrast where the network did not look, and the grey it is laid on


def overlay(photo: Image.Image, heat: np.ndarray, seen: np.ndarray, most: float) -> Image.Image:
    """`heat` is [height, width], drawn from 0 to `most`; where it was not `seen`, the photo is pale."""
    grey = np.asarray(photo.convert("L"), np.float32)[..., None]
    share = np.clip(heat / most, 0, 1) if most > 0 else np.zeros_like(heat)
    strength = _STRONGEST * np.sqrt(share)[..., None]
    shown = (1 - strength) * _DARKER * grey + strength * colours(share)
    left, ground = _UNSEEN
    shown = np.where(seen[..., None], shown, ground + left * (grey - 128))
    return Image.fromarray(shown.round().clip(0, 255).astype(np.uint8))


def most(heats: Sequence[np.ndarray]) -> float:
    """Where the colours end for several heats over one photo: at the same value for all, so that they compare."""
    return max((float(each.max(initial=0)) for each in heats), default=0.0)


def colours(share: np.ndarray) -> np.ndarray:
    """The colours of shares from 0 to 1, [..., 3] from 0 to 255."""
    at = share * (len(_COLOURS) - 1)
    return np.stack([np.interp(at, range(len(_COLOURS)), channel) for channel in _COLOURS.T], axis=-1)


def scale(width: int, height: int) -> Image.Image:
    """The colours from no heat to the most, over a grey as dark as photos are on average."""
    heat = np.broadcast_to(np.linspace(0, 1, width, dtype=np.float32), (height, width))
    return overlay(Image.new("RGB", (width, height), "#808080"), heat, np.ones(heat.shape, bool), 1.0)
