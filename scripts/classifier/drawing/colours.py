"""The colours of drawn pictures, which are always on white paper."""

from __future__ import annotations

from PIL import ImageColor

PAPER, INK, SOFT_INK, GRID = "white", "#222222", "#5c5c5c", "#dddddd"

# A blue and an orange that every kind of colour vision tells apart, dark enough to write with.
BLUE, ORANGE = "#0063a6", "#b84a00"


def laid_thinly(colour: str, strength: float) -> tuple[int, ...]:
    """The colour as it looks on paper: at a strength of 0 like the paper, at 1 like itself."""
    return tuple(round(255 + strength * (part - 255)) for part in ImageColor.getrgb(colour))
