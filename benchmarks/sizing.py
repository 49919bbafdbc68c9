"""Works out how long a cluster takes, from the rate of one core of this machine.

    python -m benchmarks.sizing --photos=tf_files/flower_photos --model_dir=tf_files/models

Prints one Markdown table. Larger photos or slower storage take longer.
"""

import os
import tempfile
from pathlib import Path

from benchmarks.tools import limits, shared_flags
from benchmarks.tools.clock import Clock
from benchmarks.tools.workbench import Workbench
from scripts.classifier.backbones.backbone import Backbone
from scripts.classifier.backbones.engine import of_this_machine
from scripts.classifier.bottlenecks import gathering
from scripts.classifier.bottlenecks.extraction import open_cache
from scripts.classifier.photos.distortions import WHOLE
from scripts.console import command_line, flags

FLAGS = flags.FLAGS
shared_flags.define_network()
flags.DEFINE_integer("count", 400, "Number of photos to measure each network on.", 100)
flags.DEFINE_integer("node_cores", 8, "Number of cores per node.", 1)
flags.DEFINE_float("share", 0.85, "Share of a lone node's rate that each of many nodes adds; measured for two.", 0.1, 1)

_PHOTOS = (100_000, 1_000_000, 10_000_000)
_NODES = (1, 4, 16)


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as folder:
        bench = shared_flags.workbench(Path(folder))
        networks = (bench.backbone, limits.inception_with_random_weights())
        found = [_row(bench, backbone) for backbone in networks]
    columns = [f"{photos:,} photos on {nodes}" for photos in _PHOTOS for nodes in _NODES]
    print(f"| network | per core | {' | '.join(columns)} |", f"|---|--:|{'--:|' * len(columns)}", *found, sep="\n")


def _row(bench: Workbench, backbone: Backbone) -> str:
    rate = _photos_a_second(bench, backbone)
    speed = rate * FLAGS.node_cores * FLAGS.share
    times = [_time(photos / (speed * nodes)) for photos in _PHOTOS for nodes in _NODES]
    return f"| {backbone.name} | {rate:.3g} photos/s | {' | '.join(times)} |"


def _photos_a_second(bench: Workbench, backbone: Backbone) -> float:
    processor, folder = of_this_machine("auto", large=backbone.large, gpu=None), bench.folder / backbone.name
    cache = open_cache(folder, backbone, processor)
    extraction = gathering.look_up(bench.lists, (WHOLE,), cache)
    clock = Clock(len(extraction.waiting))
    gathering.extract_here(backbone, processor)(extraction, clock.advance)
    return clock.found()["rate"]


def _time(seconds: float) -> str:
    if seconds < 3600:
        return f"{max(1, round(seconds / 60))} min"
    return f"{seconds / 3600:.1f} h" if seconds < 36_000 else f"{seconds / 3600:.0f} h"


if __name__ == "__main__":
    command_line.run(main)
