"""Measures how fast a classifier is served, and compares it with the classifier without a server.

    python -m benchmarks.serving --photos=tf_files/flower_photos --model_dir=tf_files/models

Prints one Markdown table. Clients run on the same cores as the server.
"""

import base64
import contextlib
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.tools import figures, http_load, parts, processes, shared_flags
from benchmarks.tools.figures import Against, Figure
from benchmarks.tools.workbench import Workbench
from scripts.classifier.errors import UserError
from scripts.classifier.formats import classifiers
from scripts.classifier.formats.model import Wishes
from scripts.classifier.photos.folders import pictures_below
from scripts.console import command_line, flags

FLAGS = flags.FLAGS
shared_flags.define_network()
shared_flags.define_work(count=500, steps=500, rounds=5)
flags.DEFINE_integer("clients", 32, "Number of concurrent clients.", 1)
flags.DEFINE_integer("long_run", 10_000, "Number of requests after which memory is measured.", 1)

# The promises.
_LEAST_SHARE, _MOST_SPREAD, _MOST_SECONDS_BEYOND = 0.8, 10.0, 0.003
_ALONE = 100  # requests, one after the other


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as folder:
        bench = shared_flags.workbench(Path(folder), FLAGS.steps, FLAGS.rounds)
        parts.report(lambda: _measure(bench))


def _measure(bench: Workbench) -> list[Figure]:
    pictures = pictures_below(bench.image_dir)
    encoded = [path.read_bytes() for path in pictures]
    plain = [http_load.request("/label", "image/jpeg", data) for data in encoded]
    classifier = classifiers.load(bench.graph, None, Wishes(pictures=1000))
    run, take = classifier.model.open_runner(), classifier.model.preprocessing
    spreads: list[float] = []

    def labelled_a_second() -> float:
        started = time.perf_counter()
        return sum(1 for _ in classifier.label(pictures)) / (time.perf_counter() - started)

    def alone_without_server() -> float:
        taken = []
        for data in encoded[:_ALONE]:
            started = time.perf_counter()
            classifier.answers(run, take.apply(data)[None])
            taken.append(time.perf_counter() - started)
        return statistics.median(taken)

    with _server(bench.graph) as (process, address):
        name = bench.graph.stem
        predict = [
            http_load.request(f"/v1/models/{name}:predict", "application/json", _predict(data)) for data in encoded
        ]

        def served_a_second() -> float:
            load = http_load.run(address, plain, len(plain), FLAGS.clients)
            cut = statistics.quantiles(load.latencies, n=100)
            spreads.append(cut[98] / cut[49])
            return len(plain) / load.seconds

        def predicted_a_second() -> float:
            return len(predict) / http_load.run(address, predict, len(predict), FLAGS.clients).seconds

        def alone_over_http() -> float:
            return statistics.median(http_load.run(address, plain, _ALONE, 1).latencies)

        measurements = {
            "labelled": labelled_a_second,
            "served": served_a_second,
            "predicted": predicted_a_second,
            "alone": alone_without_server,
            "over http": alone_over_http,
        }
        figures.alternated(measurements, 1)  # fills caches, untimed
        spreads.clear()
        taken = figures.alternated(measurements, bench.rounds)
        growth = _growth(process, lambda: http_load.run(address, plain, FLAGS.long_run, FLAGS.clients))
    how = f"median of {bench.rounds}, taken in turn"
    beyond = [1000 * (http - alone) for http, alone in zip(taken["over http"], taken["alone"], strict=True)]
    return [
        Figure(
            f"label_image, {len(pictures)} photos in one call",
            taken["labelled"],
            "photos/s",
            f"after loading, in one process; {how}",
        ),
        Figure(
            f"POST /label, {FLAGS.clients} clients",
            taken["served"],
            "photos/s",
            f"one photo per request; {how}",
            Against(_LEAST_SHARE * statistics.median(taken["labelled"]), f"at least {_LEAST_SHARE} of that ="),
        ),
        Figure(
            f"POST :predict with b64, {FLAGS.clients} clients",
            taken["predicted"],
            "photos/s",
            f"one photo per request; {how}",
        ),
        Figure(
            f"99th percentile of POST /label, {FLAGS.clients} clients",
            spreads,
            "medians",
            how,
            Against(_MOST_SPREAD, "at most"),
        ),
        Figure(
            "one request alone, beyond the model itself",
            beyond,
            "ms",
            f"median of {_ALONE} photos less decoding and network without a server; {how}",
            Against(1000 * _MOST_SECONDS_BEYOND, "at most"),
        ),
        Figure(
            f"memory gained over {FLAGS.long_run:,} requests",
            [growth],
            "MB",
            "resident memory, after the requests above",
        ),
    ]


def _predict(data: bytes) -> bytes:
    return json.dumps({"instances": [{"b64": base64.b64encode(data).decode()}]}).encode()


def _growth(process: subprocess.Popen, work: Callable[[], Any]) -> float:
    """In MB."""
    before = processes.megabytes("VmRSS", process.pid)
    work()
    return processes.megabytes("VmRSS", process.pid) - before


@contextlib.contextmanager
def _server(graph: Path) -> Iterator[tuple[subprocess.Popen, tuple[str, int]]]:
    words = [sys.executable, "-m", "scripts.serve", f"--graph={graph}", "--port=0"]
    process = subprocess.Popen(words, cwd=processes.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        if line.startswith("loading "):
            line = process.stderr.readline()
        found = re.search(r"http://([\d.]+):(\d+)/", line)
        if found is None:
            raise UserError(f"the server did not start: {line.strip()}")
        yield process, (found.group(1), int(found.group(2)))
    finally:
        process.terminate()
        process.wait(60)


if __name__ == "__main__":
    command_line.run(main)
