"""Measures how fast photos become bottlenecks, and how fast this machine could make them so."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.tools.figures import Against, Figure, alternated
from benchmarks.tools.workbench import Workbench
from scripts.classifier.backbones import network as networks
from scripts.classifier.backbones.backbone import Backbone
from scripts.classifier.bottlenecks import gathering
from scripts.classifier.bottlenecks.extraction import MEAN, STD, open_cache
from scripts.classifier.graphs import frozen_graph
from scripts.classifier.machine import cores, decide_precision
from scripts.classifier.photos import distortions, pixels

# How much of the machine's limit is promised.
_LEAST_SHARE = 0.85

# Photos handed to a thread at once: often enough for an even end, seldom enough to cost nothing.
_HANDFUL = 8
# Decoded photos that the networks alone are given, over and over; also TensorFlow's batch.
_SQUARES = 32


def extraction(bench: Workbench) -> list[Figure]:
    backbone, size = bench.backbone, bench.backbone.input_size
    precision = decide_precision("auto", large=backbone.large)
    photos = [(bench.image_dir / photo.path).read_bytes() for photo in bench.lists.photos]
    squares = np.stack([_decode(photo, size) for photo in photos[:: max(1, len(photos) // _SQUARES)][:_SQUARES]])
    runs = max(_SQUARES, bench.count)
    opened: list[float] = []

    def reached() -> float:
        rate, opening = _gather(bench, precision)
        opened.append(opening)
        return rate

    network = networks.Network(backbone, precision)
    rates = alternated(
        {
            "reached": reached,
            "decode": lambda: _decoding(photos, size),
            "decode, TensorFlow": lambda: _decoding_by_tensorflow(photos, size),
            "network": lambda: network_rate(network, squares, runs),
            "network, TensorFlow": _batches_by_tensorflow(backbone, squares, runs),
        },
        bench.rounds,
    )
    median = {name: statistics.median(taken) for name, taken in rates.items()}
    decode = max(median["decode"], median["decode, TensorFlow"])
    model = max(median["network"], median["network, TensorFlow"])
    limit, own_limit = 1 / (1 / decode + 1 / model), 1 / (1 / median["decode"] + 1 / median["network"])
    turns = f"median of {bench.rounds}, taken in turn"
    threads = f"{cores()} threads"
    return [
        Figure(
            f"extraction, {bench.architecture} in {precision}, {bench.count:,} photos",
            rates["reached"],
            "photos/s",
            f"from the first photo done to the last one kept, {threads}; {turns}",
            Against(limit, f"at least {_LEAST_SHARE} of 1 / (1 / decoding + 1 / network), the faster of each, ="),
        ),
        Figure(
            "the same, against the engines it uses",
            rates["reached"],
            "photos/s",
            "the same without TensorFlow's decoding, which squeezes without smoothing",
            Against(own_limit, "1 / (1 / decoding + 1 / network) ="),
        ),
        Figure("opening the network, before that", opened, "s", turns),
        Figure(
            "decoding alone",
            rates["decode"],
            "photos/s",
            f"Pillow, bytes in memory to normalised pixels, {threads}; {turns}",
        ),
        Figure(
            "decoding alone, TensorFlow's",
            rates["decode, TensorFlow"],
            "photos/s",
            f"decode_jpeg, resize and normalise in a tf.data map, {threads}; {turns}",
        ),
        Figure(
            "network alone",
            rates["network"],
            "photos/s",
            f"the engine used, {network.batch} at a time, {threads}; {turns}",
        ),
        Figure(
            "network alone, TensorFlow's",
            rates["network, TensorFlow"],
            "photos/s",
            f"compiled, {len(squares)} at a time; {turns}",
        ),
    ]


def network_rate(network: networks.Network, squares: np.ndarray, runs: int) -> float:
    """Photos a second over at least `runs` photos, each core with a runner of its own."""
    batches = _batches(squares, network.batch)
    calls = max(1, runs // network.batch // cores())

    def work(_: int) -> tuple[float, float]:
        run = network.runner()
        run(batches[0])
        started = time.perf_counter()
        for call in range(calls):
            run(batches[call % len(batches)])
        return started, time.perf_counter()

    with ThreadPoolExecutor(cores()) as pool:
        spans = list(pool.map(work, range(cores())))
    elapsed = max(end for _, end in spans) - min(start for start, _ in spans)
    return cores() * calls * network.batch / elapsed


class _Clock:
    """Shown the extraction's progress, remembers when it began, when the first photo was done and when all were."""

    def __call__(self, total: int) -> _Clock:
        self.photos, self.first = total, None
        return self

    def __enter__(self) -> Callable[..., None]:
        self.began = time.perf_counter()
        return self._advance

    def __exit__(self, *_) -> None:
        self.ended = time.perf_counter()

    def _advance(self, count: int = 1, note: str = "") -> None:
        if self.first is None:
            self.first = time.perf_counter()


def _gather(bench: Workbench, precision: str) -> tuple[float, float]:
    """(photos a second, seconds until the first), with a new and empty cache."""
    folder, clock = bench.folder / "extraction", _Clock()
    shutil.rmtree(folder, ignore_errors=True)
    cache = open_cache(folder, bench.backbone, precision)
    gathering.gather(
        bench.lists,
        (distortions.WHOLE,),
        gathering.extract_here(bench.backbone, precision),
        cache,
        folder,
        (10, 10),
        folder / "skipped_images.txt",
        clock,
    )
    cache.close()
    return (clock.photos - 1) / (clock.ended - clock.first), clock.first - clock.began


def _decode(photo: bytes, size: int) -> np.ndarray:
    square = distortions.look(photo, size, [distortions.WHOLE])[0]
    return pixels.normalise(square, MEAN, STD)


def _decoding(photos: list[bytes], size: int) -> float:
    def work(some: list[bytes]) -> None:
        for photo in some:
            _decode(photo, size)

    handfuls = [photos[at : at + _HANDFUL] for at in range(0, len(photos), _HANDFUL)]
    with ThreadPoolExecutor(cores()) as pool:
        started = time.perf_counter()
        list(pool.map(work, handfuls))
        return len(photos) / (time.perf_counter() - started)


def _decoding_by_tensorflow(photos: list[bytes], size: int) -> float:
    import tensorflow as tf

    def decode(photo):
        square = tf.image.resize(tf.io.decode_jpeg(photo, channels=3), [size, size])
        return (square - MEAN) / STD

    source = tf.data.Dataset.from_tensor_slices(photos)
    decoded = iter(source.map(decode, num_parallel_calls=cores(), deterministic=False).batch(_HANDFUL))
    next(decoded)
    started = time.perf_counter()
    rest = sum(len(batch) for batch in decoded)
    return rest / (time.perf_counter() - started)


def _batches_by_tensorflow(backbone: Backbone, squares: np.ndarray, runs: int) -> Callable[[], float]:
    import tensorflow as tf

    body = frozen_graph.function(backbone.graph_def, ["input"], backbone.bottleneck_name)
    compiled = tf.function(body).get_concrete_function(tf.TensorSpec(squares.shape, tf.float32))
    batch = tf.constant(squares)
    compiled(batch)

    def measure() -> float:
        calls = max(1, runs // len(squares))
        started = time.perf_counter()
        for _ in range(calls):
            compiled(batch).numpy()
        return calls * len(squares) / (time.perf_counter() - started)

    return measure


def _batches(squares: np.ndarray, size: int) -> list[np.ndarray]:
    return [np.ascontiguousarray(squares[at : at + size]) for at in range(0, len(squares) - size + 1, size)]
