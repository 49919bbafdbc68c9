"""The bottlenecks of a whole folder of photos, split into training, validation and test sets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..backbones import network
from ..backbones.backbone import Backbone
from ..backbones.engine import Engine
from ..errors import UserError
from ..photos import digests, image_lists, leaks, none_photos, skipped_images
from ..photos.digests import PhotoDigests
from ..photos.distortions import WHOLE, View
from ..photos.image_lists import TRAINING, ImageLists
from ..showing import Show
from .cache import BottleneckCache
from .cluster import run_folder
from .extraction import Extract, Extraction, Job


@dataclass(frozen=True)
class Gathered:
    """The photos that could be read, split into sets, and their bottlenecks."""

    lists: ImageLists
    keys: dict[str, list[bytes]]
    contents: dict[str, bytes]  # the digest of each photo
    unreadable: dict[str, str]
    computed: int  # bottlenecks that were not cached

    def without_leaks(self) -> Gathered:
        return replace(self, lists=leaks.without(self.lists, self.contents))


def look_up(lists: ImageLists, views: tuple[View, ...], cache: BottleneckCache) -> Extraction[BottleneckCache]:
    """Looks up which bottlenecks are cached and which are waiting. Only training photos have several views."""
    jobs = (Job(photo.path, views if photo.split == TRAINING else (WHOLE,)) for photo in lists.photos)
    known = PhotoDigests(digests.beside(cache.bottleneck_dir), lists.image_dir)
    return Extraction(jobs, lists.image_dir, cache, known)


def extract_here(backbone: Backbone, engine: Engine) -> Extract:
    """Computes on this machine, in this process."""
    return lambda extraction, advance: extraction.run(
        lambda: network.Network(backbone, engine), backbone.input_size, advance, fit=backbone.fit
    )


def gather(
    lists: ImageLists,
    views: tuple[View, ...],
    extract: Extract,
    cache: BottleneckCache,
    percentages: tuple[float, float],
    skipped_file: Path,
    show: Show,
) -> Gathered:
    """Computes what is missing, leaves out photos that cannot be read, and splits the rest into sets.

    Leaving out photos may move others between sets, and they may then need other views: another round, almost
    always with nothing to do, computes those.
    """
    unreadable: dict[str, str] = {}
    computed, total = 0, len(lists.photos)
    run_folder.recover(cache.bottleneck_dir)
    while True:
        extraction = look_up(lists, views, cache)
        with show(len(extraction.waiting)) as advance:
            found = extract(extraction, advance)
        computed += found.computed
        unreadable.update(found.unreadable)
        skipped_images.write(skipped_file, lists.image_dir, unreadable, lists.other_files)
        skipped_images.refuse_a_majority(unreadable, total, lists.image_dir, skipped_file)
        if not found.unreadable:
            return Gathered(lists, found.keys, found.contents, unreadable, computed)
        lists = image_lists.deal(image_lists.without(lists, found.unreadable), *percentages)


def without_copies(none: Gathered, known: Gathered) -> tuple[Gathered, list[str]]:
    """Photos of none of the labels without copies of each other or of `known` photos; and warnings about the latter."""
    contents = (known.contents[photo.path] for photo in known.lists.photos)
    lists, copies = none_photos.without_copies(none.lists, contents, lambda path: none.contents[path])
    if not lists.photos:
        raise UserError(
            f"--none_dir: all photos in {none.lists.image_dir} are also in {known.lists.image_dir}: give photos of "
            "none of the labels"
        )
    warnings = [none_photos.contradiction(none.lists, copies, known.lists.image_dir)] if copies else []
    return replace(none, lists=lists), warnings
