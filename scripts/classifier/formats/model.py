"""An opened classifier: the same for every format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..photos.preprocessing import Overrides, Preprocessing

# From preprocessed pictures, float32 [n, height, width, 3], to scores, float32 [n, labels], and bottlenecks, float32
# [n, values]; None if those were not asked for.
Run = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | None]]


@dataclass(frozen=True)
class Wishes:
    """What the caller wants to do with a classifier."""

    said: Overrides = field(default_factory=Overrides)
    pictures: int = 1  # about how many there will be: for many, a faster engine may be prepared
    bottlenecks: bool = False  # wanted in addition to the scores


@dataclass(frozen=True)
class Model:
    """A classifier ready to run."""

    path: Path
    preprocessing: Preprocessing
    outputs: int | None  # scores per picture; None if only a run can show it
    record: dict | None  # written with it: labels, options, accuracy ...
    unknown: bytes | None  # data for recognising photos of no label (see unknown.py), if written with it
    open_runner: Callable[[], Run]  # each thread opens its own
    batch: int  # the most pictures per run
    # A run uses one core, so every core should get its own; otherwise it uses all.
    one_core: bool = False
    gives_bottlenecks: bool = False
    labels: tuple[str, ...] | None = None  # those inside the file; a graph has them in a file beside it
    note: str | None = None  # for the user, on how it runs
