"""What is said of bytes that are not a picture, and how large a picture may be."""

from __future__ import annotations

from typing import Protocol

# An RGB picture of this size takes half a gigabyte; anything larger is a mistake or an attack.
MAX_PIXELS = 178_956_970


class UnreadableImage(Exception):
    """Says in a few words why some bytes are not a picture."""


class Admit(Protocol):
    def __call__(self, width: int, height: int, times: int = 1) -> None:
        """To be called before a picture of this size is decoded; raises UnreadableImage if that is too large.

        `times` says how many times the usual memory a pixel takes.
        """


def check_size(width: int, height: int, times: int = 1) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadableImage(f"{width} x {height} pixels, more than {MAX_PIXELS // 1_000_000} megapixels")
