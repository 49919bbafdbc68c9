"""The pictures that a user means by files, folders and patterns."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import UserError
from . import folders


def find(words: Iterable[str]) -> Iterator[Path]:
    """Files as they are, all pictures in folders and below, and what patterns match; commas may stand between them."""
    for word in words:
        # A name may itself hold commas, so only what does not exist is taken apart.
        for part in [word] if Path(word).exists() else filter(None, word.split(",")):
            found = [part] if Path(part).exists() else sorted(glob.glob(part, recursive=True))
            if not found:
                raise UserError(f"{part} does not exist: --image takes files, folders and patterns like 'photos/*.jpg'")
            for name in found:
                path = Path(name)
                yield from folders.pictures_below(path) if path.is_dir() else [path]
