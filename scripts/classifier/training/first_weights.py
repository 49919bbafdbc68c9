"""The weights that a final layer begins with."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np

# The spread of initial weights in the original retrain.
_FIRST_WEIGHTS_STDDEV = 0.001


def draw(sizes: tuple[int, ...], random: np.random.Generator) -> Iterator[np.ndarray]:
    """Initial weights and biases: like the original retrain's for the last layer, He initialisation for hidden ones."""
    for number, (into, out) in enumerate(itertools.pairwise(sizes), 1):
        spread = _FIRST_WEIGHTS_STDDEV if number == len(sizes) - 1 else math.sqrt(2 / into)
        first = random.standard_normal((into, out), np.float32)
        # The original drew values beyond two deviations again; clipping them is simpler.
        yield first.clip(-2, 2) * np.float32(spread)
        yield np.zeros(out, np.float32)
