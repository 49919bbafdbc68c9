"""Writes a drawn picture in the format that the file's name ends in."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from .. import atomic_files
from ..errors import UserError

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
_LARGEST_JPEG = 65_500  # pixels a side


def check(path: Path, flag: str) -> None:
    """Fails before long work if the path cannot be written. `flag` is the flag that the user gave it with."""
    if path.suffix.lower() not in _FORMATS:
        raise UserError(f"--{flag}={path}: expected a name that ends in {', '.join(_FORMATS)}")
    atomic_files.check(path)


def write(picture: Image.Image, path: Path) -> None:
    kind = _FORMATS[path.suffix.lower()]
    if kind == "JPEG" and max(picture.size) > _LARGEST_JPEG:
        raise UserError(f"{path} would have a side of {max(picture.size):,} pixels, too long for a JPEG: write a .png")
    data = io.BytesIO()
    picture.save(data, kind, quality=90)
    atomic_files.write_bytes(path, data.getvalue())
