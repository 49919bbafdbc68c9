"""A trained classifier, as one stage of training hands it to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..backbones.backbone import Backbone
from ..backbones.engine import Engine
from ..bottlenecks.cache import BottleneckCache
from ..photos.image_lists import SPLITS, ImageLists
from .examples import Examples
from .final_layer import Evaluation, FinalLayer
from .temperature import Calibration


class Sets(NamedTuple):
    """The bottlenecks of each split."""

    training: Examples
    validation: Examples
    testing: Examples

    @classmethod
    def of(cls, lists: ImageLists, keys: dict[str, list[bytes]], cache: BottleneckCache) -> Sets:
        return cls(*(Examples.of(lists.of(split), keys, cache) for split in SPLITS))


@dataclass(frozen=True)
class NonePhotos:
    """Photos of none of the labels, which teach what to call unknown."""

    lists: ImageLists
    sets: Sets
    contents: Mapping[str, bytes]  # the digest of each photo


@dataclass(frozen=True)
class Trained:
    """A backbone and the final layer trained on its bottlenecks."""

    backbone: Backbone
    engine: Engine  # that computed the bottlenecks
    layer: FinalLayer
    sets: Sets
    steps: int  # steps taken
    best_step: int | None  # the step that the layer is from; None: the last
    stopped_early: bool
    curve: list[Evaluation]
    network_learned_too: bool = False  # from the training photos, not just the layer
    calibration: Calibration | None = None  # None: not tried yet
    none: NonePhotos | None = None
