"""Lets the library report progress without knowing where it is shown."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

# Called with the amount done since the last call and perhaps a note: `advance(3)`, `advance(1, note="...")`.
Advance = Callable[..., None]


class Show(Protocol):
    """Opens a progress bar. `total` is None if unknown; `done` is the amount done already."""

    def __call__(self, total: int | None, done: int = 0) -> AbstractContextManager[Advance]: ...


def nowhere(total: int | None, done: int = 0) -> AbstractContextManager[Advance]:
    """Shows no progress."""
    return contextlib.nullcontext(lambda count=1, note="": None)
