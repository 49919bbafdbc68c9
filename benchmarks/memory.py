"""Measures how much memory training takes over many photos' bottlenecks, in processes of their own.

Run as `python -m benchmarks.memory train FOLDER PHOTOS STEPS`, it is such a process.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks.tools import disk, processes, random_bottlenecks
from benchmarks.tools.figures import Against, Figure
from benchmarks.tools.workbench import Workbench
from scripts.classifier.errors import UserError
from scripts.classifier.photos.image_lists import SPLITS
from scripts.classifier.training import accuracy, stages
from scripts.classifier.training.final_layer import Trainer
from scripts.classifier.training.recipe import Recipe

# Promised for 100,000 photos; of fewer it must hold the more.
_MOST_MEGABYTES = 1200.0
_PROMISED_FOR = 100_000

_VALUES = 2048  # Inception V3's


def memory(bench: Workbench, photos: list[int]) -> list[Figure]:
    return [_figure(bench, count) for count in photos]


def _figure(bench: Workbench, count: int) -> Figure:
    folder = bench.folder / f"memory-{count}"
    needed = count * 4 * _VALUES
    disk.check(bench.folder, f"{count} bottlenecks", needed, 2, "memory")
    # Filled by another process, since a peak does not go away.
    processes.output("-m", __name__, "fill", str(folder), str(count), "0")
    peak = int(processes.output("-m", __name__, "train", str(folder), str(count), str(bench.steps)))
    shutil.rmtree(folder)
    return Figure(
        f"peak memory of training over {count:,} bottlenecks of {_VALUES:,} values",
        [peak / 1e6],
        "MB",
        f"a process that checks all, takes {bench.steps:,} steps over 80 % of them and tests; {needed / 1e6:,.0f} MB "
        "on disk",
        Against(_MOST_MEGABYTES, "at most") if count <= _PROMISED_FOR else None,
    )


def _train(folder: Path, photos: int, steps: int) -> None:
    import tensorflow  # noqa: F401  a retraining has loaded its network before it opens the cache

    cache = random_bottlenecks.open_cache(folder, _VALUES)
    # 80 % training, 10 % validation, 10 % testing, as retrain deals photos out.
    edges = (0, photos * 8 // 10, photos * 9 // 10, photos)
    training, validation, testing = (
        random_bottlenecks.examples(cache, *edges[part : part + 2], split) for part, split in enumerate(SPLITS)
    )
    trainer = Trainer(training, validation, random_bottlenecks.LABELS, Recipe(steps=steps))
    for _ in trainer.run():
        pass
    for examples in (validation, testing):
        accuracy.measure(trainer.layer, examples)
    stages.share_kept(stages.learn_unknown(training, validation, 0.95, 0), testing)


def peak_bytes() -> int:
    """What this process alone has held at once: getrusage's ru_maxrss counts its parent's before it as well."""
    status = Path("/proc/self/status")
    if not status.exists():
        raise UserError("how much memory a process took is only known on Linux: leave memory out of --only")
    peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(peak.split()[1])


if __name__ == "__main__":
    action, folder, photos, steps = sys.argv[1:]
    if action == "fill":
        random_bottlenecks.fill(random_bottlenecks.open_cache(Path(folder), _VALUES), int(photos))
    else:
        _train(Path(folder), int(photos), int(steps))
        print(peak_bytes())
