"""Describes the sizes of the pictures in a folder, without decoding them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from . import file_kinds, folders
from .decoding import heif

_COLOURLESS = ("1", "L", "LA", "I", "F")


@dataclass(frozen=True)
class Shapes:
    sizes: np.ndarray  # [pictures, 2]: width and height of those that can be opened
    grey: int  # pictures without colours
    unreadable: int

    def describe(self) -> str:
        if not len(self.sizes):
            return "no picture can be opened"
        (low_w, low_h), (high_w, high_h) = self.sizes.min(axis=0), self.sizes.max(axis=0)
        if (low_w, low_h) == (high_w, high_h):
            size = f"all {low_w} x {low_h} pixels"
        else:
            width, height = np.median(self.sizes, axis=0)
            size = f"{low_w} to {high_w} pixels wide, {low_h} to {high_h} high (median {width:.0f} x {height:.0f})"
        if self.grey == len(self.sizes):
            colours = "grey"
        else:
            colours = "in colour" if not self.grey else f"in colour but for {self.grey:,} grey ones"
        return f"{size}, {colours}" + (f"; {self.unreadable:,} cannot be opened" if self.unreadable else "")


def of(pictures: Iterable[Path]) -> Shapes:
    sizes, grey, unreadable = [], 0, 0
    for path in pictures:
        try:
            kind = file_kinds.readable(folders.beginning(path))
            if kind is not None and kind.name == "HEIF":
                sizes.append(heif.size_of(folders.contents(path)))
                continue
            with Image.open(path, formats=() if kind is None else (kind.name,)) as picture:
                sizes.append(picture.size)
                grey += picture.mode in _COLOURLESS or picture.mode.startswith("I;16")
        except Exception:
            # Broken files make Pillow raise anything.
            unreadable += 1
    return Shapes(np.array(sizes, np.int64).reshape(-1, 2), grey, unreadable)
