"""The colours of charts and drawn pictures: one palette for pictures, the report and TensorBoard."""

from __future__ import annotations

import math

from PIL import ImageColor

# Drawn pictures always have a white background.
PAPER, INK, SOFT_INK, GRID = "white", "#222222", "#5c5c5c", "#dddddd"

# A blue and an orange that look different to people with any kind of colour vision, dark enough for text.
BLUE, ORANGE = "#0063a6", "#b84a00"

# What the colours mean. The curves of a training:
TRAINING, VALIDATION = BLUE, ORANGE
# Right and wrong answers, in confusion matrices and bars of scores:
RIGHT, WRONG = "#0f7173", "#b84a00"

# The same on the dark background of a page.
TRAINING_ON_DARK, VALIDATION_ON_DARK = "#7ab8f0", "#ffa566"
RIGHT_ON_DARK, WRONG_ON_DARK = "#4fc3c7", "#ffa566"


def laid_thinly(colour: str, strength: float) -> tuple[int, ...]:
    """The colour at a strength from 0, which is the paper's white, to 1, the full colour."""
    return tuple(round(255 + strength * (part - 255)) for part in ImageColor.getrgb(colour))


def cell_strength(share: float) -> float:
    """A share's strength of colour in a confusion matrix: its square root, so that rare mistakes are seen."""
    return math.sqrt(share)
