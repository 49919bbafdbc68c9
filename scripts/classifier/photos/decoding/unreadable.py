"""What is said of bytes that are not a picture, and how large a picture may be."""

from __future__ import annotations

from typing import Protocol

# An RGB picture of this size takes half a gigabyte; anything larger is a mistake or an attack.
MAX_PIXELS = 178_956_970

_AGAIN = "copy or download it again"
CUT = f"truncated: its end is missing; {_AGAIN}"


class UnreadableImage(Exception):
    """Says in a few words why some bytes are not a picture."""


class Admit(Protocol):
    def __call__(self, width: int, height: int, times: int = 1) -> None:
        """To be called before a picture of this size is decoded; raises UnreadableImage if that is too large.

        `times` says how many times the usual memory a pixel takes.
        """


def check_size(width: int, height: int, times: int = 1) -> None:
    if width * height > MAX_PIXELS:
        raise too_large(width, height, MAX_PIXELS)


def too_large(width: int, height: int, most: int) -> UnreadableImage:
    return UnreadableImage(f"{width} x {height} pixels, more than {most // 1_000_000} megapixels; save it smaller")


def damaged(reason: str) -> UnreadableImage:
    """`reason` is what a decoder said."""
    return UnreadableImage(f"damaged: {reason}; {_AGAIN}")
