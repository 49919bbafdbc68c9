"""Says in plain English how pictures in use differ from the test photos."""

from __future__ import annotations

from collections.abc import Sequence

from ..drawing.percent import percent
from ..photos.wording import counted
from ..training.expected import Expected
from . import drift
from .drift import Difference
from .judged import spoken


def note(difference: Difference, these: str, expected: Expected, names: Sequence[str]) -> str:
    """Two sentences. `these` are the pictures ("the last 200 pictures"), `names` those of the labels, for people."""
    before = f"its {counted(expected.photos, f'{spoken(expected.split)} photo')}"
    found, was = percent(difference.found, 0), percent(difference.expected, 0)
    if difference.way == drift.UNKNOWN:
        return (
            f"Of {these}, {found} look like nothing it learned from; of {before}, {was} did. "
            "Its measured accuracy says nothing about pictures like those."
        )
    if difference.way == drift.SCORE:
        less = difference.found < difference.expected
        then = "may be wrong more often" if less else "may be seeing pictures it learned from, or many that are alike"
        return (
            f"For {these}, its highest score is {found} on average; for {before} it was {was}. "
            f"It is {'less' if less else 'more'} sure of these, and {then}."
        )
    assert difference.label is not None, "LABELS names one"
    return (
        f"Of {these}, {found} were called {names[difference.label]}; of {before}, {was} were. "
        "That may just be another day."
    )
