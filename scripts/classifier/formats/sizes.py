"""Compares the picture size that the user gives with the size that a classifier takes."""

from __future__ import annotations

from pathlib import Path

from ..errors import UserError
from ..photos.preprocessing import Preprocessing


def check(path: Path, take: Preprocessing, height: int | None, width: int | None) -> None:
    """`height` and `width` are those the classifier takes, each None if any will do."""
    if height not in (None, take.input_height) or width not in (None, take.input_width):
        raise UserError(
            f"{path} takes pictures of {height} x {width} pixels, not {take.input_height} x {take.input_width}: "
            "leave out --input_height and --input_width"
        )
