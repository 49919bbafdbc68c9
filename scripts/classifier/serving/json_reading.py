"""Reads large JSON piece by piece, so that other threads get their turn in between.

Python's own parser holds the interpreter's lock until it has read everything, several seconds for 20 MB.
"""

from __future__ import annotations

import json
import re

# Characters that Python's parser reads at once, which takes a few milliseconds. What is shorter is never taken apart.
_PIECE = 1 << 16
# What is longer than a piece is taken apart down to this depth. Requests need six: an object, its list of pictures,
# an object for each, and its rows and pixels.
_LEVELS = 8

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


def loads(data: bytes) -> object:
    """Gives and raises what json.loads does, but RecursionError already where long values lie deep inside others."""
    text = data.decode(json.detect_encoding(data), "surrogatepass")
    value, at = _value(text, _skip(text, 0), _LEVELS)
    if (at := _skip(text, at)) != len(text):
        raise json.JSONDecodeError("Extra data", text, at)
    return value


def _value(text: str, at: int, levels: int) -> tuple[object, int]:
    """The value that begins at `at`, and where it ends."""
    if not text.startswith(("[", "{"), at):
        return _DECODER.raw_decode(text, at)
    try:
        value, length = _DECODER.raw_decode(text[at : at + _PIECE])
        return value, at + length
    except ValueError:
        pass  # it is longer, or wrong, which the following finds out
    if not levels:
        raise RecursionError
    return _list(text, at, levels) if text.startswith("[", at) else _object(text, at, levels)


def _list(text: str, at: int, levels: int) -> tuple[list, int]:
    found: list = []
    at = _skip(text, at + 1)
    if text.startswith("]", at):
        return found, at + 1
    one_by_one = at
    while True:
        if at >= one_by_one:
            several, at = _several(text, at, "[]")
            found += several
            # Trying again at once would read a piece for each value.
            one_by_one = at if several else at + _PIECE
            continue
        value, at = _value(text, at, levels - 1)
        found.append(value)
        at = _skip(text, at)
        if text.startswith("]", at):
            return found, at + 1
        at = _after(text, at, ",")


def _object(text: str, at: int, levels: int) -> tuple[dict, int]:
    found: dict = {}
    at = _skip(text, at + 1)
    if text.startswith("}", at):
        return found, at + 1
    one_by_one = at
    while True:
        if at >= one_by_one:
            several, at = _several(text, at, "{}")
            found.update(several)
            one_by_one = at if several else at + _PIECE
            continue
        if not text.startswith('"', at):
            raise json.JSONDecodeError("Expecting property name enclosed in double quotes", text, at)
        name, at = _DECODER.raw_decode(text, at)
        found[name], at = _value(text, _after(text, _skip(text, at), ":"), levels - 1)
        at = _skip(text, at)
        if text.startswith("}", at):
            return found, at + 1
        at = _after(text, at, ",")


def _several(text: str, at: int, brackets: str) -> tuple[list | dict, int]:
    """The next values of a list or an object, read at once, and where the one after them begins; empty if in vain.

    What lies before a comma and is valid between brackets consists of whole values. If they are lists in lists, as
    pixels in rows, the comma behind a value follows as many brackets as open the first.
    """
    piece = text[at : at + _PIECE]
    opened = piece[: len(piece) - len(piece.lstrip("[ \t\n\r"))].count("[")
    whole, comma, _rest = piece.rpartition("]" * opened + ",")
    if not comma:
        return [], at
    enclosed = f"{brackets[0]}{whole}{comma[:-1]}{brackets[1]}"
    try:
        values, length = _DECODER.raw_decode(enclosed)
    except ValueError:
        return [], at
    if not values or length != len(enclosed):
        return [], at
    return values, _skip(text, at + len(whole) + len(comma))


def _after(text: str, at: int, mark: str) -> int:
    """Where the next value begins, behind the mark."""
    if not text.startswith(mark, at):
        raise json.JSONDecodeError(f"Expecting '{mark}' delimiter", text, at)
    return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()
