"""Measures what Ray costs, and what a second node gains, in processes of their own.

Run as `python -m benchmarks.ray_nodes extract IMAGE_DIR MODEL_DIR ARCHITECTURE FOLDER CORES WHERE`, it is such a
process: it extracts on these cores, without Ray (`plain`), on a Ray started here (`local`), or on one of as many nodes
as there are cores, each with one of them (`nodes`).
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.tools import processes
from benchmarks.tools.figures import Against, Figure, alternated
from benchmarks.tools.workbench import Workbench
from scripts.classifier.backbones import table
from scripts.classifier.bottlenecks import gathering
from scripts.classifier.bottlenecks.cluster import blocks, driver, engine
from scripts.classifier.bottlenecks.extraction import open_cache
from scripts.classifier.errors import UserError
from scripts.classifier.machine import decide_precision
from scripts.classifier.photos import folders, image_lists
from scripts.classifier.photos.distortions import WHOLE

_MOST_OVERHEAD = 15.0  # percent
_LEAST_GAIN = 1.8

# A rate is that between these shares of all photos, when all workers are there and none is done yet.
_WINDOW = (0.3, 0.9)

_OBJECT_STORE_BYTES = 80 << 20


def one_worker(bench: Workbench) -> list[Figure]:
    cores = _cores(1)
    runs = {where: functools.partial(_run, bench, cores, where) for where in ("plain", "local")}
    taken = alternated(runs, bench.rounds)
    found = {
        where: {what: [each[what] for each in of_where] for what in of_where[0]} for where, of_where in taken.items()
    }
    plain, ray = found["plain"], found["local"]
    how = f"{bench.architecture}, {bench.count:,} photos, {len(cores)} cores; median of {bench.rounds}, taken in turn"
    spent = "by all processes there are; " + how
    return [
        Figure("extraction on this machine alone", plain["rate"], "photos/s", how),
        Figure(
            "extraction by one local Ray worker, once it runs",
            ray["rate"],
            "photos/s",
            how,
            Against(statistics.median(plain["rate"]) / (1 + _MOST_OVERHEAD / 100), "at least"),
        ),
        Figure("processor time of a photo, on this machine alone", plain["processor"], "ms", spent),
        Figure(
            "processor time of a photo, by one local Ray worker",
            ray["processor"],
            "ms",
            spent,
            Against(statistics.median(plain["processor"]) * (1 + _MOST_OVERHEAD / 100), "at most"),
        ),
        Figure(
            "until its first photos are done",
            ray["first"],
            "s",
            "starting Ray, a worker, TensorFlow's import there, opening the network",
        ),
        Figure("the same alone", plain["first"], "s", "opening the network"),
    ]


def two_nodes(bench: Workbench) -> list[Figure]:
    first, second = _cores(2)[:2]
    rates = alternated(
        {
            "one process": lambda: _run(bench, [first], "plain")["rate"],
            "two processes": lambda: _run_at_once(bench, first, second),
            "one node": lambda: _run(bench, [first], "nodes")["rate"],
            "two nodes": lambda: _run(bench, [first, second], "nodes")["rate"],
        },
        bench.rounds,
    )

    def gains(one: str, two: str) -> list[float]:
        return [both / alone for alone, both in zip(rates[one], rates[two], strict=True)]

    machine = gains("one process", "two processes")
    how = f"{bench.architecture}, {bench.count:,} photos, a core each; median of {bench.rounds}, taken in turn"
    return [
        *(Figure(f"extraction on {name}", rates[name], "photos/s", how) for name in rates),
        Figure("two processes against one", machine, "times", "without Ray: what this machine's second core gains"),
        Figure(
            "two nodes against one",
            gains("one node", "two nodes"),
            "times",
            "round by round",
            Against(_LEAST_GAIN, "at least"),
        ),
        Figure(
            "the same",
            gains("one node", "two nodes"),
            "times",
            "round by round",
            Against(statistics.median(machine), "what the machine's second core gains,"),
        ),
    ]


def _cores(fewest: int) -> list[int]:
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) < fewest:
        raise UserError(f"this takes {fewest} cores that processes can be bound to, and {len(cores)} are here")
    return cores


def _words(bench: Workbench, folder: Path, cores: list[int], where: str) -> list[str]:
    return [
        "-m",
        __name__,
        "extract",
        str(bench.image_dir),
        str(bench.model_dir.absolute()),
        bench.architecture,
        str(folder),
        ",".join(map(str, cores)),
        where,
    ]


def _run(bench: Workbench, cores: list[int], where: str) -> dict[str, float]:
    folder = bench.folder / "ray"
    shutil.rmtree(folder, ignore_errors=True)
    return json.loads(processes.output(*_words(bench, folder, cores, where)))


def _run_at_once(bench: Workbench, *cores: int) -> float:
    """The sum of the rates of one process for each core."""
    running = []
    for core in cores:
        folder = bench.folder / f"alone-{core}"
        shutil.rmtree(folder, ignore_errors=True)
        command = [sys.executable, *_words(bench, folder, [core], "plain")]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    return sum(json.loads(process.communicate()[0])["rate"] for process in running)


class Clock:
    """Told of photos that are done, takes the rate in the middle, when all workers are there and none is done yet."""

    def __init__(self, total: int):
        self._total, self._done = total, 0
        self._began = time.perf_counter()
        self._first: float | None = None
        self._start: tuple[float, float, int] | None = None
        self._end: tuple[float, float, int] | None = None

    def advance(self, count: int) -> None:
        self._done += count
        if self._first is None:
            self._first = time.perf_counter()
        if self._start is None and self._done >= _WINDOW[0] * self._total:
            self._start = self._now()
        elif self._end is None and self._done >= _WINDOW[1] * self._total:
            self._end = self._now()

    def found(self) -> dict[str, float]:
        seconds, processor_seconds, photos = np.subtract(self._end, self._start).tolist()
        return {
            "rate": photos / seconds,
            "processor": 1000 * processor_seconds / photos,
            "first": self._first - self._began,
        }

    def _now(self) -> tuple[float, float, int]:
        return time.perf_counter(), _processor_seconds(), self._done


def _processor_seconds() -> float:
    """Of this process and all below it."""
    fields = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            number, _, rest = stat.read_text().partition(" ")
            fields[int(number)] = rest.rpartition(") ")[2].split()
    ours = {os.getpid()}
    while more := {number for number, words in fields.items() if int(words[1]) in ours} - ours:
        ours |= more
    ticks = sum(sum(map(int, fields[number][11:15])) for number in ours)
    return ticks / os.sysconf("SC_CLK_TCK")


def _extract(image_dir: str, model_dir: str, architecture: str, folder: str, cores: str, where: str) -> None:
    numbers = [int(core) for core in cores.split(",")]
    with contextlib.ExitStack() as stack:
        if where == "nodes":
            stack.enter_context(_nodes(numbers))
        else:
            os.sched_setaffinity(0, numbers)
        backbone = table.load(architecture, Path(model_dir))
        precision = decide_precision("auto", large=backbone.large)
        cache = open_cache(Path(folder), backbone, precision)
        lists = image_lists.scan(folders.at(image_dir), 10, 10)
        extraction = gathering.look_up(lists, (WHOLE,), Path(folder), cache)
        # As a cluster gets them, large ones first: else the clock would look at others here than there.
        in_order = blocks.cut(extraction.waiting, extraction.image_dir, len(numbers), backbone.large)
        extraction.waiting = list(itertools.chain.from_iterable(in_order))
        extract = gathering.extract_here(backbone, precision)
        if where != "plain":
            place = engine.LOCAL if where == "local" else engine.AUTO
            extract = driver.extract_on(place, backbone, precision, Path(folder), lambda words: None)
        clock = Clock(len(extraction.waiting))
        extract(extraction, clock.advance)
    print(json.dumps(clock.found()), flush=True)
    os._exit(0)  # TensorFlow takes its time to take itself apart


@contextlib.contextmanager
def _nodes(cores: list[int]) -> Iterator[None]:
    """A Ray cluster with one node for each core, bound to it; head and driver are on the first one's, as on a machine
    that has one core and another machine joins.
    """
    os.sched_setaffinity(0, cores[:1])
    os.environ.update(RAY_AUTH_MODE="disabled", RAY_USAGE_STATS_ENABLED="0")
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as place:
        os.environ["RAY_TMPDIR"] = place
        Path(place, "ray").mkdir()
        from ray.cluster_utils import Cluster

        cluster = Cluster(
            True, head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES}
        )
        try:
            for core in cores:
                os.sched_setaffinity(0, [core])  # which what is started inherits
                cluster.add_node(num_cpus=1, object_store_memory=_OBJECT_STORE_BYTES)
            os.sched_setaffinity(0, cores[:1])
            os.environ["RAY_ADDRESS"] = cluster.address
            yield
        finally:
            cluster.shutdown()


if __name__ == "__main__":
    _extract(*sys.argv[2:])
