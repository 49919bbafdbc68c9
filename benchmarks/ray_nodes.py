"""Measures the cost of Ray and the gain from a second node, each in a separate process."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.tools import processes
from benchmarks.tools.clock import Clock
from benchmarks.tools.figures import Against, Figure, alternated
from benchmarks.tools.workbench import Workbench
from scripts.classifier.backbones import table
from scripts.classifier.backbones.engine import of_this_machine
from scripts.classifier.bottlenecks import gathering
from scripts.classifier.bottlenecks.cluster import blocks, driver, engine
from scripts.classifier.bottlenecks.extraction import open_cache
from scripts.classifier.errors import UserError
from scripts.classifier.photos import folders, image_lists
from scripts.classifier.photos.distortions import WHOLE

_MOST_OVERHEAD = 15.0  # percent
_LEAST_GAIN = 1.8

_OBJECT_STORE_BYTES = 80 << 20


def one_worker(bench: Workbench) -> list[Figure]:
    cores = _cores(1)
    runs = {where: functools.partial(_run, bench, cores, where) for where in ("plain", "local")}
    plain, ray = (
        {what: [each[what] for each in taken] for what in taken[0]} for taken in alternated(runs, bench.rounds).values()
    )
    how = f"{bench.architecture}, {bench.count:,} photos, {len(cores)} cores; median of {bench.rounds}, taken in turn"
    spent = "summed over all processes; " + how
    return [
        Figure("extraction on this machine alone", plain["rate"], "photos/s", how),
        Figure(
            "extraction by one local Ray worker, once it runs",
            ray["rate"],
            "photos/s",
            how,
            Against(statistics.median(plain["rate"]) / (1 + _MOST_OVERHEAD / 100), "at least"),
        ),
        Figure("processor time per photo, on this machine alone", plain["processor"], "ms", spent),
        Figure(
            "processor time per photo, by one local Ray worker",
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
    how = f"{bench.architecture}, {bench.count:,} photos, one core each; median of {bench.rounds}, taken in turn"
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
        raise UserError(
            f"expected at least {fewest} cores that processes can be bound to, found {len(cores)}: use another machine"
        )
    return cores


def _run(bench: Workbench, cores: list[int], where: str) -> dict[str, float]:
    folder = bench.folder / f"ray-{cores[0]}"
    shutil.rmtree(folder, ignore_errors=True)
    places = map(str, (bench.image_dir, bench.model_dir.absolute(), folder))
    return processes.apart(extract, bench.architecture, where, *places, *cores)


def _run_at_once(bench: Workbench, *cores: int) -> float:
    """The sum of the rates of one process per core."""
    with ThreadPoolExecutor(len(cores)) as pool:
        return sum(found["rate"] for found in pool.map(lambda core: _run(bench, [core], "plain"), cores))


def extract(
    architecture: str, where: str, image_dir: str, model_dir: str, folder: str, *cores: int
) -> dict[str, float]:
    """Runs on these cores without Ray (`plain`), on a Ray started here (`local`), or on a cluster with one node per
    core (`nodes`).
    """
    with contextlib.ExitStack() as stack:
        if where == "nodes":
            stack.enter_context(_nodes(list(cores)))
        else:
            os.sched_setaffinity(0, cores)
        backbone = table.load(architecture, Path(model_dir))
        processor = of_this_machine("auto", large=backbone.large, gpu=None)
        cache = open_cache(Path(folder), backbone, processor)
        lists = image_lists.scan(folders.at(image_dir), 10, 10)
        extraction = gathering.look_up(lists, (WHOLE,), cache)
        # In the order of a cluster, large photos first: otherwise the clock would measure different photos.
        in_order = blocks.cut(extraction.waiting, extraction.image_dir, len(cores), backbone.large)
        extraction.waiting = list(itertools.chain.from_iterable(in_order))
        run = gathering.extract_here(backbone, processor)
        if where != "plain":
            place = engine.LOCAL if where == "local" else engine.AUTO
            run = driver.extract_on(place, backbone, processor.precision, lambda words: None)
        clock = Clock(len(extraction.waiting))
        run(extraction, clock.advance)
    return clock.found()


@contextlib.contextmanager
def _nodes(cores: list[int]) -> Iterator[None]:
    """A Ray cluster with one node bound to each core. Head and driver share the first core, as if a second machine
    joined one with a single core.
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
                os.sched_setaffinity(0, [core])  # the node's processes inherit it
                cluster.add_node(num_cpus=1, object_store_memory=_OBJECT_STORE_BYTES)
            os.sched_setaffinity(0, cores[:1])
            os.environ["RAY_ADDRESS"] = cluster.address
            yield
        finally:
            cluster.shutdown()
