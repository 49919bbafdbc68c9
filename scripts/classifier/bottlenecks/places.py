"""A record's place as one integer: the number of its part in the high bits, its row in the low bits.

All functions work on single integers and on arrays of them.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

Integers = TypeVar("Integers", int, np.ndarray)

_ROW_BITS = 40


def place_of(part: int, row: Integers) -> Integers:
    return row | part << _ROW_BITS


def part_of(place: Integers) -> Integers:
    return place >> _ROW_BITS


def row_of(place: Integers) -> Integers:
    return place & (1 << _ROW_BITS) - 1
