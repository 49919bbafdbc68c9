"""Measures how soon training starts on more vectors than fit in memory, and how much memory it takes.

The cache is a sparse file, as long as if all vectors had been computed, but it holds only the records that will be
read. A dry run without vectors finds out which: the same seed draws the same ones.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.tools import disk, processes, random_bottlenecks
from benchmarks.tools.figures import Against, Figure
from benchmarks.tools.random_bottlenecks import IDENTITY, LABELS
from scripts.classifier.bottlenecks import key_blocks
from scripts.classifier.bottlenecks.key_blocks import KeyBlocks
from scripts.classifier.bottlenecks.parts import Part
from scripts.classifier.errors import UserError
from scripts.classifier.training.examples import Examples
from scripts.classifier.training.final_layer import Trainer
from scripts.classifier.training.recipe import Recipe

# Promised for this many vectors with Inception V3's number of values.
_PROMISED_FOR, _VALUES = 10_000_000, 2048
_MOST_SECONDS, _MOST_MEGABYTES = 10.0, 2000.0

# A smaller cache is checked whole before training, and most of this one is holes.
LEAST = 300_000

_ROWS_AT_ONCE = 1000


def many_vectors(folder: Path, count: int, steps: int) -> list[Figure]:
    if count < LEAST:
        raise UserError(f"--vectors={count}: expected {LEAST} or more: smaller caches are checked before training")
    place = folder / "vectors"
    looked_at = steps * Recipe.batch_size * (1 + 1 / Recipe.eval_step_interval) + count / key_blocks.ROWS
    # A record lies on up to three pages of the disk.
    disk.check(folder, f"the keys of {count} vectors", 16 * count + 3 * 4096 * looked_at, 2, "vectors")
    processes.apart(fill, str(place), count, steps)
    found = processes.apart(train, str(place), count, steps)
    shutil.rmtree(place)
    promised = count <= _PROMISED_FOR
    name = f"training over {count:,} vectors of {_VALUES:,} values"
    return [
        Figure(
            f"start of {name}",
            [found["start"]],
            "s",
            f"until {found['first_steps']} steps are done; the process imports TensorFlow, looks all up in a sparse "
            f"cache of {count * 4 * _VALUES / 1e9:,.0f} GB and trains on 80 %; names of photos are not included",
            Against(_MOST_SECONDS, "at most") if promised else None,
        ),
        Figure("of that, TensorFlow's import", [found["import"]], "s", "the same process"),
        Figure("of that, opening the cache and looking up", [found["look_up"]], "s", "the same process"),
        Figure(
            f"peak memory of {name}",
            [found["peak"]],
            "MB",
            f"after {steps:,} steps; it was {found['imported']:,.0f} MB after TensorFlow's import",
            Against(_MOST_MEGABYTES, "at most") if promised else None,
        ),
        Figure(
            name,
            [found["rate"]],
            "steps/s",
            "after the first; each record is checked when it is read; all are still in the system's cache",
        ),
    ]


class _NoVectors:
    """Records which photos are read."""

    size = _VALUES

    def __init__(self, photos: range, looked_at: set[int]):
        self._photos, self._looked_at = photos, looked_at

    def take(self, positions: np.ndarray) -> np.ndarray:
        self._looked_at.update(self._photos.start + int(position) for position in positions)
        return np.zeros((len(positions), _VALUES), np.float32)


def fill(place: str, count: int, steps: int) -> None:
    folder = Path(place)
    folder.mkdir()
    path = folder / "part-0000.bottlenecks"
    part, blocks = Part(path, _VALUES, IDENTITY), KeyBlocks(path.with_suffix(".keys"), IDENTITY)
    part.rows = count
    os.truncate(path, part.size_in_bytes)
    full = count // key_blocks.ROWS * key_blocks.ROWS
    looked_at = _rows(np.array(sorted(_looked_at(count, steps))), count)
    last_of_blocks, after_blocks = np.arange(key_blocks.ROWS - 1, full, key_blocks.ROWS), np.arange(full, count)
    random, rows = np.random.default_rng(0), np.unique(np.concatenate([looked_at, last_of_blocks, after_blocks]))
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[start : start + _ROWS_AT_ONCE]
        keys = [key.tobytes() for key in _keys(_photos(some, count))]
        part.write(keys, random.random((len(some), _VALUES), np.float32), some.tolist())
    for start in range(0, full, key_blocks.ROWS):
        blocks.write(start // key_blocks.ROWS, _keys(_photos(np.arange(start, start + key_blocks.ROWS), count)))


def _looked_at(count: int, steps: int) -> set[int]:
    looked_at: set[int] = set()
    training, validation = (
        _examples(_NoVectors(photos, looked_at), photos) for photos in _training_and_validation(count)
    )
    for _ in _training(training, validation, steps):
        pass
    return looked_at


def train(place: str, count: int, steps: int) -> dict[str, float]:
    photos = _training_and_validation(count)
    keys = [_keys(np.arange(each.start, each.stop)) for each in photos]
    times = [time.perf_counter()]
    import tensorflow  # noqa: F401  retrain has imported it before it opens the cache

    imported = processes.megabytes("VmHWM")
    times.append(time.perf_counter())
    cache = random_bottlenecks.open_cache(Path(place), _VALUES)
    training, validation = (
        _examples(cache.vectors(of_photos), each) for of_photos, each in zip(keys, photos, strict=True)
    )
    times.append(time.perf_counter())
    first, *_, last = [(step, time.perf_counter()) for step in _training(training, validation, steps)]
    return {
        "import": times[1] - times[0],
        "look_up": times[2] - times[1],
        "start": first[1] - times[0],
        "first_steps": first[0],
        "rate": (last[0] - first[0]) / (last[1] - first[1]),
        "imported": imported,
        "peak": processes.megabytes("VmHWM"),
    }


def _training(training: Examples, validation: Examples, steps: int) -> Iterator[int]:
    trainer = Trainer(training, validation, LABELS, Recipe(steps=steps))
    for _ in trainer.run():
        yield trainer.step


def _training_and_validation(count: int) -> tuple[range, range]:
    return range(count * 8 // 10), range(count * 8 // 10, count * 9 // 10)


def _examples(vectors, photos: range) -> Examples:
    labels = np.resize(np.arange(LABELS, dtype=np.uint8), len(photos))
    return Examples(vectors, labels, ["photo.jpg"] * len(photos))


# Photos are in no order in the cache: multiplying by a prime scatters them over the rows.
_PRIME = 2**31 - 1


def _rows(photos: np.ndarray, count: int) -> np.ndarray:
    return photos * _PRIME % count


def _photos(rows: np.ndarray, count: int) -> np.ndarray:
    """The photos whose vectors are in these rows."""
    return rows * pow(_PRIME, -1, count) % count


def _keys(photos: np.ndarray) -> np.ndarray:
    """Like hashes of pictures: each bit is 0 or 1 equally often."""
    numbers = np.stack([2 * photos, 2 * photos + 1], axis=1).view(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):  # splitmix64
        numbers ^= numbers >> np.uint64(shift)
        numbers *= np.uint64(factor)
    return numbers
