"""Measures listing, splitting and looking up many photos that are all cached.

The photos are empty files: none is read, because their digests are already stored.
"""

from __future__ import annotations

import gc
import os
import shutil
import statistics
import time
from pathlib import Path

import numpy as np

from benchmarks.tools import disk, processes, random_bottlenecks
from benchmarks.tools.figures import Against, Figure
from benchmarks.tools.random_bottlenecks import LABELS
from scripts.classifier.bottlenecks import gathering
from scripts.classifier.bottlenecks.extraction import Job
from scripts.classifier.photos import folders, image_lists
from scripts.classifier.photos.digests import PhotoDigests, digest
from scripts.classifier.photos.distortions import WHOLE
from scripts.classifier.photos.image_lists import SPLITS
from scripts.classifier.training.examples import Examples

_VALUES = 256  # mobilenet_0.25's
_PERCENTAGES = (10, 10)

# A photo on the disk: its record in the cache, its line among the digests, its folder entry.
_BYTES_A_PHOTO = 4 * _VALUES + 20 + 300
_AT_ONCE = 10_000

# Growth should be linear, but a small number of photos fits into the processor's caches.
_MOST_GROWTH = 2.0


def many_photos(folder: Path, counts: list[int], rounds: int) -> list[Figure]:
    found = {count: _measured(folder / f"photos-{count}", count, rounds) for count in counts}
    figures = [
        Figure(f"{what} {count:,} photos", of_count[what], "s", f"{LABELS} labels, all cached; in a separate process")
        for count, of_count in found.items()
        for what in ("listing and splitting", "of that, splitting", "looking up")
    ]
    figures += [
        Figure(
            f"memory for {count:,} photos",
            of_count["megabytes"],
            "MB",
            "peak, beyond the process's memory before",
        )
        for count, of_count in found.items()
    ]
    fewest, most = min(counts), max(counts)
    if fewest < most:
        figures += [
            Figure(
                f"{what} per photo, {most:,} against {fewest:,}",
                [statistics.median(found[most][what]) / statistics.median(found[fewest][what]) * fewest / most],
                "times",
                "1 is linear growth",
                Against(_MOST_GROWTH, "at most"),
            )
            for what in ("seconds", "megabytes")
        ]
    return figures


def _measured(folder: Path, count: int, rounds: int) -> dict[str, list[float]]:
    disk.check(folder.parent, f"{count} photos and their bottlenecks", _BYTES_A_PHOTO * count, count, "photos")
    processes.apart(fill, str(folder), count)
    found = [processes.apart(look_up, str(folder)) for _ in range(rounds)]
    shutil.rmtree(folder)
    return {what: [each[what] for each in found] for what in found[0]}


def fill(place: str, count: int) -> None:
    folder = Path(place)
    image_dir = folder / "photos"
    for label in range(LABELS):
        (image_dir / f"label {label}").mkdir(parents=True)
    names = [f"label {number % LABELS}/{number:08d}.jpg" for number in range(count)]
    for name in names:
        os.close(os.open(image_dir / name, os.O_CREAT | os.O_WRONLY))
    digests = PhotoDigests(folder / "photo_digests.txt", image_dir)
    cache = random_bottlenecks.open_cache(folder / "cache", _VALUES)
    for start in range(0, count, _AT_ONCE):
        keys = []
        for name in names[start : start + _AT_ONCE]:
            content = digest(name.encode())
            digests.put(name, folders.stamp(image_dir, name), content)
            keys += Job(name, (WHOLE,)).keys(content)
        cache.add(keys, np.zeros((len(keys), _VALUES), np.float32))
    digests.save()


def look_up(place: str) -> dict[str, float]:
    folder = Path(place)
    gc.set_threshold(100_000, 20, 20)  # as commands do
    before = processes.megabytes("VmHWM")
    times = [time.perf_counter()]
    lists = image_lists.scan(folder / "photos", *_PERCENTAGES)
    times.append(time.perf_counter())
    image_lists.deal(lists, *_PERCENTAGES)  # again, to time it alone: the scan has already done it
    times.append(time.perf_counter())
    cache = random_bottlenecks.open_cache(folder / "cache", _VALUES)
    extraction = gathering.look_up(lists, (WHOLE,), cache)
    assert not extraction.waiting, f"{len(extraction.waiting)} of {len(lists.photos)} photos are not in {folder}"
    for split in SPLITS:
        Examples.of(lists.of(split), extraction.found.keys, cache)
    times.append(time.perf_counter())
    listing, splitting, looking_up = np.diff(times).tolist()
    return {
        "listing and splitting": listing,
        "of that, splitting": splitting,
        "looking up": looking_up,
        "seconds": listing + looking_up,
        "megabytes": processes.megabytes("VmHWM") - before,
    }
