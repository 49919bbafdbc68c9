"""Pictures of none of the labels, near and far, that judge how a classifier tells unknown things."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from benchmarks.tools import shared_flags
from benchmarks.tools.study import Study
from scripts.classifier.backbones.engine import PROCESSOR
from scripts.classifier.bottlenecks import extraction, gathering
from scripts.classifier.photos import none_photos
from scripts.classifier.photos.distortions import WHOLE
from scripts.classifier.showing import nowhere
from scripts.classifier.training.examples import Examples
from scripts.console import flags

FLAGS = flags.FLAGS
flags.DEFINE_string("near", None, "A folder with a folder of pictures for each other kind of the same things.")
flags.DEFINE_string("far", None, "A folder of pictures of anything else.")

_NAMES = "cat_to_name.json"  # of Oxford's flowers: number of the folder -> name
KEPT = 0.95


@dataclass(frozen=True)
class Strangers:
    vectors: np.ndarray  # [pictures, values]
    kinds: np.ndarray  # [pictures]: the name of each one's folder

    def of(self, kinds: np.ndarray) -> np.ndarray:
        """The rows of these kinds."""
        return np.flatnonzero(np.isin(self.kinds, kinds))


@functools.cache
def near(study: Study) -> Strangers | None:
    """Without kinds that are named like one of the labels; None if no folder is given."""
    if FLAGS.near is None:
        return None
    folder = shared_flags.existing(FLAGS.near)
    names = json.loads((folder / _NAMES).read_text()) if (folder / _NAMES).exists() else {}
    found = _look(study, folder)
    own = {label.removesuffix("s") for label in study.lists.labels}
    strange = [own.isdisjoint(names.get(kind, kind).split()) for kind in found.kinds.tolist()]
    return Strangers(found.vectors[strange], found.kinds[strange])


@functools.cache
def far(study: Study) -> Strangers | None:
    return None if FLAGS.far is None else _look(study, shared_flags.existing(FLAGS.far))


def _look(study: Study, folder: Path) -> Strangers:
    backbone, cache = study.backbone, extraction.open_cache(study.folder / "bottlenecks", study.backbone, PROCESSOR)
    found = gathering.gather(
        none_photos.scan(folder, study.photos, 0, 0),
        (WHOLE,),
        gathering.extract_here(backbone, PROCESSOR),
        cache,
        (0, 0),
        study.folder / "skipped_strangers.txt",
        nowhere,
    )
    photos = list(found.lists.photos)
    examples = Examples.of(photos, found.keys, cache)
    kinds = np.array([PurePosixPath(photo.path).parent.name for photo in photos])
    return Strangers(examples.vectors.take(np.arange(len(photos))), kinds)


def folds(study: Study, count: int) -> Iterator[tuple[Examples, Examples, Examples]]:
    """Training, validation and held-out photos of each fold."""
    for held_out in study.deal(count):
        training, validation = study.rest(held_out)
        yield study.examples(training), study.examples(validation), study.examples(held_out)


def row(photos: str, number: int, shares: list[float]) -> str:
    """A line of the table: the mean over folds, the lowest and the highest."""
    low, mean, high = (100 * each(shares) for each in (np.min, np.mean, np.max))
    return f"| {photos} | {number:,} | {mean:.1f} % | {low:.1f} to {high:.1f} % |"


HEADINGS = ["| photos | number | called unknown | lowest to highest fold |", "|---|--:|--:|--:|"]
