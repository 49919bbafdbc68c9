"""Fits texts into columns of a terminal."""

from __future__ import annotations

import unicodedata


def columns(text: str) -> int:
    """How many columns a text takes: Chinese characters take two, combining accents none."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) != 0 for letter in text)


def cut(text: str, width: int) -> str:
    """The text, shortened to fit."""
    if columns(text) <= width:
        return text
    while columns(text) > width - 1:
        text = text[:-1]
    return f"{text}…"


def fit(text: str, width: int) -> str:
    """The text, shortened or padded to a width."""
    text = cut(text, width)
    return text + " " * (width - columns(text))
