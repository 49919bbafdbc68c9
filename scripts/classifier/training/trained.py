"""What training has come to so far: the stages hand it on, and the outcome is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ..backbones.backbone import Backbone
from ..bottlenecks.cache import BottleneckCache
from ..photos.image_lists import SPLITS, ImageLists
from .examples import Examples
from .final_layer import Evaluation, FinalLayer


class Sets(NamedTuple):
    """Bottlenecks of the photos of each split."""

    training: Examples
    validation: Examples
    testing: Examples

    @classmethod
    def of(cls, lists: ImageLists, keys: dict[str, list[bytes]], cache: BottleneckCache) -> Sets:
        return cls(*(Examples.of(lists.of(split), keys, cache) for split in SPLITS))


@dataclass(frozen=True)
class Trained:
    """A backbone and the final layer that was trained on its bottlenecks."""

    backbone: Backbone
    precision: str  # of the arithmetic that the backbone's bottlenecks were computed in
    layer: FinalLayer
    sets: Sets
    steps: int  # how many were taken
    best_step: int | None  # the one that the layer is of, where it is not the last
    stopped_early: bool
    curve: list[Evaluation]
