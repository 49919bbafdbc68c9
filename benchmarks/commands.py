"""Measures whole commands, from start to exit."""

from __future__ import annotations

import statistics
import time

from benchmarks.tools import processes
from benchmarks.tools.figures import Against, Figure, alternated
from benchmarks.tools.workbench import Workbench
from scripts.classifier.formats import classifiers
from scripts.classifier.formats.model import Wishes
from scripts.classifier.photos.folders import pictures_below

# The promises: retrain's are for 3,670 photos, mobilenet_0.25_224 and 4,000 steps on 2 cores.
_PROMISED_FOR = ("mobilenet_0.25_224", 3670, 4000)
_MOST_UNCACHED_SECONDS = 14.0
_MOST_CACHED_SECONDS = 5.0
_MOST_LABEL_SECONDS = 0.7
_LEAST_LABELS_A_SECOND = 400.0

_PICTURES_IN_ONE_CALL = 500
# The processor's speed varies by more than the difference between two runs of a few seconds. So differences are taken
# within pairs that run in turn, and there are more pairs than rounds.
_DIFFERENCES_A_ROUND = 3


def retrain(bench: Workbench) -> list[Figure]:
    def uncached() -> float:
        bench.forget_bottlenecks()
        return processes.seconds(*bench.retrain())

    words = bench.retrain()  # makes the photos, untimed
    processes.import_seconds()  # reads TensorFlow from the disk, untimed
    took = alternated(
        {
            "uncached": uncached,
            "cached": lambda: processes.seconds(*words),
            "import": processes.import_seconds,
        },
        bench.rounds,
    )
    what = f"{bench.count:,} photos, {bench.architecture}, {bench.steps:,} steps"
    how = f"whole process; median of {bench.rounds}, taken in turn"
    promised = (bench.architecture, bench.count, bench.steps) == _PROMISED_FOR

    def at_most(seconds: float) -> Against | None:
        return Against(seconds, "at most") if promised else None

    return [
        Figure(f"retrain, nothing cached: {what}", took["uncached"], "s", how, at_most(_MOST_UNCACHED_SECONDS)),
        Figure("retrain, everything cached", took["cached"], "s", how, at_most(_MOST_CACHED_SECONDS)),
        Figure("TensorFlow's import alone", took["import"], "s", f"`import tensorflow`, without its shutdown; {how}"),
    ]


def label_image(bench: Workbench) -> list[Figure]:
    pictures = pictures_below(bench.image_dir)[:_PICTURES_IN_ONE_CALL]
    one = ["-m", "scripts.label_image", f"--graph={bench.graph}", f"--image={pictures[0]}"]
    rounds = _DIFFERENCES_A_ROUND * bench.rounds
    processes.seconds(*one)
    took = alternated({"one": lambda: processes.seconds(*one), "import": processes.import_seconds}, rounds)
    classifier = classifiers.load(bench.graph, None, Wishes(pictures=len(pictures)))

    def pictures_a_second() -> float:
        started = time.perf_counter()
        labelled = sum(1 for _ in classifier.label(pictures))
        return labelled / (time.perf_counter() - started)

    pictures_a_second()  # the first batch prepares the network
    beyond = [one - alone for one, alone in zip(took["one"], took["import"], strict=True)]
    whole, alone = (statistics.median(took[name]) for name in ("one", "import"))
    return [
        Figure(
            "label_image, one photo, beyond TensorFlow's import",
            beyond,
            "s",
            f"whole process ({whole:.2f} s) less TensorFlow's import alone ({alone:.2f} s), pair by pair; "
            f"median of {rounds} pairs",
            Against(_MOST_LABEL_SECONDS, "at most"),
        ),
        Figure(
            f"label_image, {len(pictures)} photos in one call",
            [pictures_a_second() for _ in range(bench.rounds)],
            "photos/s",
            f"after loading, in one process; median of {bench.rounds}, after one that is not counted",
            Against(_LEAST_LABELS_A_SECOND, "at least"),
        ),
    ]
