"""What every written classifier is opened as, whatever its format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..photos.preprocessing import Overrides, Preprocessing

# float32 [n, height, width, 3], preprocessed -> scores, float32 [n, labels], and bottlenecks, float32 [n, values],
# or None where they were not asked for.
Run = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | None]]


@dataclass(frozen=True)
class Wishes:
    """What a classifier is opened for."""

    said: Overrides = field(default_factory=Overrides)
    pictures: int = 1  # about how many will be looked at: for many, a faster engine may be made ready
    bottlenecks: bool = False  # whether these are wanted beside the scores


@dataclass(frozen=True)
class Model:
    """A classifier ready to run."""

    path: Path
    preprocessing: Preprocessing
    outputs: int | None  # the number of scores a picture; None where only a run tells
    record: dict | None  # what was recorded when it was written: labels, options, accuracy ...
    unknown: bytes | None  # what tells photos of no label (see unknown.py), where it was written with it
    open_runner: Callable[[], Run]  # each thread asks for its own
    batch: int  # the most pictures that a run takes
    # Whether a run keeps one core busy, so that every core should have its own, or all of them.
    one_core: bool = False
    gives_bottlenecks: bool = False
    labels: tuple[str, ...] | None = None  # those inside the file; a graph has its in a file beside it
    note: str | None = None  # what the user should know about how it runs
