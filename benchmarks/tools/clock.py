"""Measures the rate of an extraction while it runs."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import numpy as np

# The rate is measured between these shares of all photos, while all workers are busy.
_WINDOW = (0.3, 0.9)


class Clock:
    """Counts finished photos and measures the rate in the middle, while all workers are busy."""

    def __init__(self, total: int):
        self._total, self._done = total, 0
        self._began = time.perf_counter()
        self._until_first = 0.0
        self._edges: list[tuple[float, float, int]] = []  # of the window: wall clock, processor time, photos done

    def advance(self, count: int) -> None:
        if self._done == 0:
            self._until_first = time.perf_counter() - self._began
        self._done += count
        if len(self._edges) < len(_WINDOW) and self._done >= _WINDOW[len(self._edges)] * self._total:
            self._edges.append((time.perf_counter(), _processor_seconds(), self._done))

    def found(self) -> dict[str, float]:
        start, end = self._edges
        seconds, processor_seconds, photos = np.subtract(end, start).tolist()
        return {
            "rate": photos / seconds,
            "processor": 1000 * processor_seconds / photos,
            "first": self._until_first,
        }


def _processor_seconds() -> float:
    """The processor time of this process and its descendants."""
    fields = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            number, _, rest = stat.read_text().partition(" ")
            fields[int(number)] = rest.rpartition(") ")[2].split()
    ours = {os.getpid()}
    while more := {number for number, words in fields.items() if int(words[1]) in ours} - ours:
        ours |= more
    ticks = sum(sum(map(int, fields[number][11:15])) for number in ours)
    return ticks / os.sysconf("SC_CLK_TCK")
