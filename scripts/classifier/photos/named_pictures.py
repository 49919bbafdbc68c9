"""The pictures that a user names by files, folders and patterns."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import UserError
from . import folders
from .walking import LeftOut


def find(words: Iterable[str], left_out: LeftOut) -> Iterator[Path]:
    """The files named, all pictures in and below folders, and whatever patterns match. Commas may separate them.

    Folders and links that cannot be followed are added to `left_out`.
    """
    for word in words:
        # A name may contain commas, so only what does not exist is taken apart.
        for part in [word] if Path(word).exists() else filter(None, word.split(",")):
            found = [part] if Path(part).exists() else sorted(glob.glob(part, recursive=True))
            if not found:
                raise UserError(f"{part} does not exist: give files, folders or patterns like 'photos/*.jpg'")
            for path in map(Path, found):
                yield from folders.pictures_below(path, left_out) if path.is_dir() else [path]
