"""The pictures that a user names by files, folders and patterns."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import UserError
from . import folders


def find(words: Iterable[str]) -> Iterator[Path]:
    """The files named, all pictures in and below folders, and whatever patterns match. Commas may separate them."""
    for word in words:
        # A name may contain commas, so only what does not exist is taken apart.
        for part in [word] if _is_there(word) else word.split(","):
            yield from _find(part)


def _find(part: str) -> Iterator[Path]:
    if not part.strip():
        raise UserError("the name of a picture is empty: give files, folders or patterns like 'photos/*.jpg'")
    path = Path(part).expanduser()
    found = [path] if path.exists() else [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]
    if not found:
        raise UserError(f"{part} does not exist: give files, folders or patterns like 'photos/*.jpg'")
    for path in found:
        yield from folders.pictures_below(path) if path.is_dir() else [path]


def _is_there(word: str) -> bool:
    return bool(word.strip()) and Path(word).expanduser().exists()
