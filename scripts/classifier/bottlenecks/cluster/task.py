"""The task that the driver of a run gives to its workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ray


@dataclass(frozen=True)
class Task:
    """The same for all workers of a run."""

    image_dir: str
    bottleneck_dir: str
    run: str  # the run's folder
    token: str  # the token that this folder must hold
    sample: str  # the path in image_dir of a photo that every worker must see
    sample_stamp: str | None
    backbone: ray.ObjectRef  # a pickled Backbone
    precision: str
    threads: int
