"""Reduces a training's measurements to the points that a chart shows, and picks round numbers for its axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

# A longer curve is drawn as the means and ranges of neighbouring points.
_MOST_POINTS = 100

# (step, mean, lowest, highest)
Point = tuple[float, float, float, float]


def thinned(steps: Sequence[float], values: Sequence[float | None]) -> list[Point]:
    """Neighbouring values combined into few points; None, NaN and infinities are left out.

    The last value stays as it is: charts write it out, and commands print it.
    """
    known = [(s, v) for s, v in zip(steps, values, strict=True) if v is not None and math.isfinite(v)]
    if not known:
        return []
    *known, (last_step, last_value) = known
    combined = [
        (
            float(np.mean([s for s, _ in some])),
            float(np.mean([v for _, v in some])),
            min(v for _, v in some),
            max(v for _, v in some),
        )
        for at in np.array_split(np.arange(len(known)), _points(len(known)))
        if (some := [known[each] for each in at])
    ]
    return [*combined, (float(last_step), last_value, last_value, last_value)]


def _points(values: int) -> int:
    """The most points of about as many values each, so that all of the line is equally smooth."""
    together = math.ceil(values / _MOST_POINTS)
    return math.ceil(values / together) if values else 1


def last(values: Sequence[float | None]) -> float | None:
    """The last measured value."""
    return next((value for value in reversed(values) if value is not None), None)


def ticks(low: float, high: float) -> list[float]:
    """Four to seven round numbers, the last one at or above `high`."""
    reach = max(high - low, 1e-9)
    power = 10 ** math.floor(math.log10(reach / 4))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if reach / (power * factor) <= 6)
    return [low + step * at for at in range(math.ceil(reach / step - 1e-9) + 1)]
