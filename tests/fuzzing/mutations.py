"""Damage that any bytes can suffer."""

from __future__ import annotations

import random
from collections.abc import Callable

# Inputs may grow with every mutation; longer ones only take longer.
MOST_BYTES = 2_000_000

# Where sizes, counts and signs change their meaning.
_NUMBERS = (0, 1, -1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_HUGE = (0x7FFFFFFFFFFFFFFF, -0x8000000000000000, 0x0FFFFFFFFFFFFFFF, 1 << 40)


def mutate(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """`others` are to be spliced with."""
    if not data or chance.random() < 0.05:
        return _spliced(data, chance.choice(others), chance)
    return chance.choice(_KINDS)(data, chance)[:MOST_BYTES]


def number(chance: random.Random) -> int:
    return chance.choice(_NUMBERS + _HUGE) if chance.random() < 0.8 else chance.randrange(-(1 << 32), 1 << 64)


def span(data: bytes, chance: random.Random) -> slice:
    """Often short, sometimes of any length."""
    start = chance.randrange(len(data) + 1)
    longest = len(data) - start
    return slice(start, start + min(longest, chance.choice([1, 2, 4, 8, 64, longest])))


def _flipped(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 8, 40])):
        changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _replaced(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 8, 40])):
        changed[chance.randrange(len(data))] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
    return bytes(changed)


def _renumbered(data: bytes, chance: random.Random) -> bytes:
    """An integer of 2, 4 or 8 bytes in either order."""
    size = chance.choice([2, 4, 8])
    at = chance.randrange(len(data))
    order = chance.choice(["little", "big"])
    written = (number(chance) % (1 << 8 * size)).to_bytes(size, order)
    return data[:at] + written + data[at + size :]


def _cut(data: bytes, chance: random.Random) -> bytes:
    gone = span(data, chance)
    return data[: gone.start] + data[gone.stop :]


def _doubled(data: bytes, chance: random.Random) -> bytes:
    twice = span(data, chance)
    return data[: twice.stop] + data[twice] * chance.choice([1, 1, 2, 50]) + data[twice.stop :]


def _swapped(data: bytes, chance: random.Random) -> bytes:
    first, second = sorted((span(data, chance), span(data, chance)), key=lambda each: each.start)
    second = slice(max(first.stop, second.start), max(first.stop, second.stop))
    return data[: first.start] + data[second] + data[first.stop : second.start] + data[first] + data[second.stop :]


def _truncated(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def _filled(data: bytes, chance: random.Random) -> bytes:
    where = span(data, chance)
    return data[: where.start] + bytes([chance.choice([0, 0xFF])]) * (where.stop - where.start) + data[where.stop :]


def _inserted(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.randbytes(chance.choice([1, 2, 4, 8, 100])) + data[at:]


def _spliced(data: bytes, other: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


_KINDS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flipped,
    _replaced,
    _renumbered,
    _renumbered,
    _cut,
    _doubled,
    _swapped,
    _truncated,
    _filled,
    _inserted,
)
