"""Measures how fast a classifier is served, and holds it against the classifier without a server.

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
from collections.abc import Iterator
from pathlib import Path

from absl import flags

from benchmarks.tools import figures, http_load, machine
from benchmarks.tools.figures import Against, Figure
from benchmarks.tools.workbench import Workbench
from scripts.classifier.backbones import table
from scripts.classifier.errors import UserError
from scripts.classifier.formats import classifiers
from scripts.classifier.formats.model import Wishes
from scripts.classifier.photos.folders import pictures_below
from scripts.console import command_line

FLAGS = flags.FLAGS
flags.DEFINE_string("photos", "tf_files/flower_photos", "One folder of JPEG photos for each label.")
flags.DEFINE_string("model_dir", "tf_files/models", "Where pretrained networks are kept.")
flags.DEFINE_string("architecture", "mobilenet_0.25_224", "The pretrained network that photos go through.")
flags.DEFINE_integer("count", 500, "How many photos there are.", 20)
flags.DEFINE_integer("steps", 500, "How many training steps are taken.", 1)
flags.DEFINE_integer("rounds", 5, "How often each thing is measured; the median counts.", 1)
flags.DEFINE_integer("clients", 32, "How many clients ask at the same time.", 1)
flags.DEFINE_integer("long_run", 10_000, "After how many requests memory is measured.", 1)

# What is promised.
_LEAST_SHARE, _MOST_SPREAD, _MOST_SECONDS_BEYOND = 0.8, 10.0, 0.003
_ALONE = 100  # requests, one after the other

_ROOT = Path(__file__).parent.parent


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    table.resolve(FLAGS.architecture)
    loads = [machine.load()]
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as folder:
        bench = Workbench(
            Path(folder),
            Path(FLAGS.photos),
            Path(FLAGS.model_dir),
            FLAGS.architecture,
            FLAGS.count,
            FLAGS.steps,
            FLAGS.rounds,
        )
        found = _measure(bench)
    loads.append(machine.load())
    print(machine.describe(), "before: {}; after: {}".format(*loads), figures.table(found), sep="\n\n")


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
        figures.alternated(measurements, 1)  # not counted: caches are filled
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
            f"a photo a request; {how}",
            Against(_LEAST_SHARE * statistics.median(taken["labelled"]), f"at least {_LEAST_SHARE} of that ="),
        ),
        Figure(
            f"POST :predict with b64, {FLAGS.clients} clients",
            taken["predicted"],
            "photos/s",
            f"a photo a request; {how}",
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
        Figure(f"memory gained over {FLAGS.long_run:,} requests", [growth], "MB", "resident, after those before"),
    ]


def _predict(data: bytes) -> bytes:
    return json.dumps({"instances": [{"b64": base64.b64encode(data).decode()}]}).encode()


def _growth(process: subprocess.Popen, work) -> float:
    before = _resident(process)
    work()
    return _resident(process) - before


def _resident(process: subprocess.Popen) -> float:
    """In MB"""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1000


@contextlib.contextmanager
def _server(graph: Path) -> Iterator[tuple[subprocess.Popen, tuple[str, int]]]:
    words = [sys.executable, "-m", "scripts.serve", f"--graph={graph}", "--port=0"]
    process = subprocess.Popen(words, cwd=_ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
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
