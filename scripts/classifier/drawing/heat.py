"""Lays heat over photos.

The photo turns dark and grey, and heat glows on it: the more, the lighter, which eyes of any kind see. The colours run
from violet to yellow, which stay apart with any kind of colour vision.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

# From no heat to the most: over a photo's dark grey, their lightness (L* of CIELAB) rises.
_COLOURS = np.array(
    [
        (106, 23, 140),
        (140, 41, 129),
        (183, 55, 121),
        (222, 73, 104),
        (248, 118, 78),
        (254, 165, 78),
        (254, 210, 96),
        (252, 240, 150),
    ]
)
_DARKER = 0.4  # what is left of the grey photo's light below the heat
_STRONGEST = 0.8  # the share of the heat's colour where there is most: the photo still shows through
_LAST_STEP = 255  # heat is drawn in steps, looked up below
_UNSEEN = (0.25, 175)  # what is left of a photo's contrast where the network did not look, and the grey it is laid on


def _steps() -> tuple[np.ndarray, np.ndarray]:
    """What is left of the photo's grey at each step of heat, [steps, 1], and the light that is added, [steps, 3]."""
    share = np.linspace(0, 1, _LAST_STEP + 1)
    strength = _STRONGEST * np.sqrt(share)[:, None]
    at = share * (len(_COLOURS) - 1)
    colours = np.stack([np.interp(at, range(len(_COLOURS)), channel) for channel in _COLOURS.T], axis=1)
    return ((1 - strength) * _DARKER).astype(np.float32), (strength * colours).astype(np.float32)


_PHOTO_LEFT, _GLOW = _steps()


def overlay(photo: Image.Image, heat: np.ndarray, seen: np.ndarray, most: float) -> Image.Image:
    """`heat` is [height, width], drawn from 0 to `most`; where it was not `seen`, the photo is pale."""
    grey = np.asarray(photo.convert("L"), np.float32)[..., None]
    step = np.clip(heat * (_LAST_STEP / most if most > 0 else 0), 0, _LAST_STEP).astype(np.uint8)
    shown = grey * _PHOTO_LEFT[step] + _GLOW[step]
    if not seen.all():
        left, ground = _UNSEEN
        shown = np.where(seen[..., None], shown, ground + left * (grey - 128))
    return Image.fromarray(shown.astype(np.uint8))


def most(heats: Sequence[np.ndarray]) -> float:
    """Where the colours end for several heats over one photo: at the same value for all, so that they compare."""
    return max((float(each.max(initial=0)) for each in heats), default=0.0)


def scale(width: int, height: int) -> Image.Image:
    """The colours from no heat to the most, over a grey as dark as photos are on average."""
    heat = np.broadcast_to(np.linspace(0, 1, width, dtype=np.float32), (height, width))
    return overlay(Image.new("RGB", (width, height), "#808080"), heat, np.ones(heat.shape, bool), 1.0)
