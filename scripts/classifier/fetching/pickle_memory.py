"""Refuses pickles that ask for far more memory than their size."""

from __future__ import annotations

import pickle
import pickletools
from typing import IO

# Instructions that keep a value under a number. Python makes room for all lower numbers at once.
_KEEPS = ("PUT", "BINPUT", "LONG_BINPUT")


def check(file: IO[bytes]) -> None:
    """Leaves `file` where it is, at a pickle; ValueError or pickle.UnpicklingError for what no pickler writes."""
    start = file.tell()
    for count, (instruction, number, _) in enumerate(pickletools.genops(file)):
        # Picklers number values from 0, each with an instruction of its own.
        if instruction.name in _KEEPS and not (isinstance(number, int) and 0 <= number <= count):
            raise pickle.UnpicklingError(f"it numbers a value {number} after {count} instructions")
    file.seek(start)
