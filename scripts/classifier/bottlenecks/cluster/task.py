"""What the driver of a run tells its workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ray


@dataclass(frozen=True)
class Task:
    """What all workers of a run are told."""

    image_dir: str
    bottleneck_dir: str
    run: str  # the run's folder,
    token: str  # and what is in it
    sample: str  # a photo that every worker must see, by its path in image_dir
    sample_stamp: str | None
    backbone: ray.ObjectRef  # of a pickled Backbone
    precision: str
    threads: int
