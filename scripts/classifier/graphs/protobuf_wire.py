"""Reads the fields of a protocol buffer whose description is not installed."""

from __future__ import annotations


def fields(message: bytes) -> dict[int, int | bytes]:
    """By their numbers: whole numbers and bytes, of which the last counts. What is cut short raises an IndexError."""
    found: dict[int, int | bytes] = {}
    at = 0
    while at < len(message):
        key, at = _number(message, at)
        kind = key & 7
        if kind == 0:
            found[key >> 3], at = _number(message, at)
        elif kind == 2:
            size, at = _number(message, at)
            found[key >> 3], at = message[at : at + size], at + size
        else:
            at += {1: 8, 5: 4}[kind]
    return found


def _number(message: bytes, at: int) -> tuple[int, int]:
    """Seven bits a byte, the lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
