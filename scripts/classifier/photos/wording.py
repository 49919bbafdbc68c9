"""Numbers and lists as people say them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# What is said of a file if nothing else is known.
NO_IMAGE = "not an image"


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


def not_photos(files: Mapping[str, str]) -> list[str]:
    """The line about files among photos, path -> what it is; none if there are none."""
    if not files:
        return []
    path, what = min(files.items())
    example = path if what == NO_IMAGE else f"{path} ({what})"
    if len(files) == 1:
        return [f"1 file is not a photo and is left out: {example}"]
    return [f"{len(files):,} files are not photos and are left out, such as {example}"]
