"""How the library says how far it has come, without knowing where that is shown."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

# Called with how much more is done, and optionally with a few words: `advance(3)`, `advance(1, note="...")`.
Advance = Callable[..., None]


class Show(Protocol):
    """Called with how much there is to do, None where that is not known, and how much of it is done already."""

    def __call__(self, total: int | None, done: int = 0) -> AbstractContextManager[Advance]: ...


def nowhere(total: int | None, done: int = 0) -> AbstractContextManager[Advance]:
    """Where nobody wants to know."""
    return contextlib.nullcontext(lambda count=1, note="": None)
