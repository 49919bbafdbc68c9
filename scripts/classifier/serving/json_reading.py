"""Reads large JSON bit by bit, so that other threads get their turn in between.

Python's own parser holds the interpreter's lock until it has read everything, a second or more for 20 MB.
"""

from __future__ import annotations

import json
import re

# Containers down to this depth are taken apart here: the request, its list of pictures, and a picture's rows.
_LEVELS = 3

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


def loads(data: bytes) -> object:
    """Gives and raises what json.loads does."""
    text = data.decode(json.detect_encoding(data), "surrogatepass")
    value, at = _value(text, _skip(text, 0), _LEVELS)
    if (at := _skip(text, at)) != len(text):
        raise json.JSONDecodeError("Extra data", text, at)
    return value


def _value(text: str, at: int, levels: int) -> tuple[object, int]:
    """The value that begins at `at`, and where it ends."""
    if levels and text.startswith("[", at):
        return _list(text, at, levels)
    if levels and text.startswith("{", at):
        return _object(text, at, levels)
    return _DECODER.raw_decode(text, at)


def _list(text: str, at: int, levels: int) -> tuple[list, int]:
    found: list = []
    at = _skip(text, at + 1)
    if text.startswith("]", at):
        return found, at + 1
    while True:
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
    while True:
        if not text.startswith('"', at):
            raise json.JSONDecodeError("Expecting property name enclosed in double quotes", text, at)
        name, at = _DECODER.raw_decode(text, at)
        found[name], at = _value(text, _after(text, _skip(text, at), ":"), levels - 1)
        at = _skip(text, at)
        if text.startswith("}", at):
            return found, at + 1
        at = _after(text, at, ",")


def _after(text: str, at: int, mark: str) -> int:
    """Where the next value begins, behind the mark."""
    if not text.startswith(mark, at):
        raise json.JSONDecodeError(f"Expecting '{mark}' delimiter", text, at)
    return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()
