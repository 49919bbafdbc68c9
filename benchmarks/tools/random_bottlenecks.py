"""Random bottlenecks of photos that never existed, in a real cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scripts.classifier.bottlenecks.cache import KEY_BYTES, BottleneckCache
from scripts.classifier.photos.image_lists import Photo
from scripts.classifier.training.examples import Examples

LABELS = 5
IDENTITY = "random"

_AT_ONCE = 1000


def open_cache(folder: Path, values: int) -> BottleneckCache:
    return BottleneckCache(folder, IDENTITY, values)


def fill(cache: BottleneckCache, count: int) -> None:
    random = np.random.default_rng(0)
    for start in range(0, count, _AT_ONCE):
        keys = [_key(number) for number in range(start, min(start + _AT_ONCE, count))]
        cache.add(keys, random.random((len(keys), cache.size), np.float32))


def examples(cache: BottleneckCache, first: int, after: int, split: str, labels: int = LABELS) -> Examples:
    """Looks up photos `first` to `after` - 1, as retrain does."""
    numbers = range(first, after)
    photos = [Photo(f"label {number % labels}/{number:08d}.jpg", number % labels, split) for number in numbers]
    keys = {photo.path: [_key(number)] for photo, number in zip(photos, numbers, strict=True)}
    missing = np.count_nonzero(~cache.present(key for each in keys.values() for key in each))
    assert not missing, f"{missing} of {len(photos)} bottlenecks are not in {cache.folder}"
    return Examples.of(photos, keys, cache)


def _key(number: int) -> bytes:
    return number.to_bytes(KEY_BYTES, "little")
