"""Numbers and lists as people say them."""

from __future__ import annotations

from collections.abc import Sequence


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """1 photo, 2 photos, 3,670 photos."""
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"


def some_of(items: Sequence[str], most: int = 3) -> str:
    """a, b and c; of a longer list: a, b, c and 9 more."""
    if not items:
        return "none"
    shown, left = items[:most], len(items) - most
    last = f"{left:,} more" if left > 0 else shown[-1]
    others = shown if left > 0 else shown[:-1]
    return f"{', '.join(others)} and {last}" if others else last
