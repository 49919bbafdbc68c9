"""Measures how fast photos become bottlenecks, and how fast they could on this machine."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np

from benchmarks.tools import limits
from benchmarks.tools.figures import Against, Figure, alternated
from benchmarks.tools.workbench import Workbench
from scripts.classifier.backbones.engine import Engine, of_this_machine
from scripts.classifier.backbones.network import LARGE_BATCH, Network
from scripts.classifier.bottlenecks import gathering
from scripts.classifier.bottlenecks.extraction import open_cache
from scripts.classifier.machine import cores, has_bfloat16
from scripts.classifier.photos import distortions
from scripts.classifier.showing import Advance

# The promised share of the machine's limit.
_LEAST_SHARE = 0.85
_LEAST_BFLOAT16_PHOTOS_A_SECOND = 25.0  # of Inception V3, the original's default

# Number of decoded photos for timing networks alone, used repeatedly; also TensorFlow's batch size.
_SQUARES = 32


def extraction(bench: Workbench) -> list[Figure]:
    backbone, size = bench.backbone, bench.backbone.input_size
    processor = of_this_machine("auto", large=backbone.large, gpu=None)
    photos = [(bench.image_dir / photo.path).read_bytes() for photo in bench.lists.photos]
    squares = np.stack([limits.decode(photo, size) for photo in photos[:: max(1, len(photos) // _SQUARES)][:_SQUARES]])
    runs = max(_SQUARES, bench.count)
    opened: list[float] = []

    def reached() -> float:
        rate, opening = _gather(bench, processor)
        opened.append(opening)
        return rate

    network = Network(backbone, processor)
    rates = alternated(
        {
            "reached": reached,
            "decode": lambda: limits.decoding(photos, size),
            "decode, TensorFlow": lambda: limits.decoding_by_tensorflow(photos, size),
            "network": lambda: limits.network_rate(network, squares, runs),
            "network, TensorFlow": limits.network_by_tensorflow(backbone, squares, runs),
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
            f"extraction, {bench.architecture} in {processor.precision}, {bench.count:,} photos",
            rates["reached"],
            "photos/s",
            f"from the first finished photo to the last one cached, {threads}; {turns}",
            Against(limit, f"at least {_LEAST_SHARE} of 1 / (1 / decoding + 1 / network), the faster of each, ="),
        ),
        Figure(
            "the same, against the engines it uses",
            rates["reached"],
            "photos/s",
            "the same without TensorFlow's decoding, which resizes without smoothing",
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


def inception(bench: Workbench, photos: int) -> list[Figure]:
    """The network alone, in float32 and bfloat16."""
    backbone = limits.inception_with_random_weights()
    size = backbone.input_size
    squares = np.random.default_rng(0).uniform(-1, 1, (LARGE_BATCH, size, size, 3)).astype(np.float32)
    precisions = ["float32", "bfloat16"] if has_bfloat16() else ["float32"]
    opened = {precision: Network(backbone, Engine(precision)) for precision in precisions}
    measurements = {
        precision: partial(limits.network_rate, network, squares, photos) for precision, network in opened.items()
    }
    rates = alternated(measurements, bench.rounds)
    how = f"random weights, {LARGE_BATCH} at a time, about {photos} photos; median of {bench.rounds}, in turn"
    if "bfloat16" not in rates:
        how += "; this processor has no bfloat16"
    against = {"bfloat16": Against(_LEAST_BFLOAT16_PHOTOS_A_SECOND, "at least")}
    return [
        Figure(f"network alone, Inception V3 in {precision}", rate, "photos/s", how, against.get(precision))
        for precision, rate in rates.items()
    ]


class _Clock:
    """Follows the extraction's progress: when it began, and when the first and the last photo were done."""

    photos, began, first, ended = 0, 0.0, 0.0, 0.0

    @contextmanager
    def show(self, total: int | None, done: int = 0) -> Iterator[Advance]:
        self.photos, self.first, self.began = total or 0, 0.0, time.perf_counter()
        yield self._advance
        self.ended = time.perf_counter()

    def _advance(self, count: int = 1, note: str = "") -> None:
        self.first = self.first or time.perf_counter()


def _gather(bench: Workbench, processor: Engine) -> tuple[float, float]:
    """Photos per second, and seconds until the first, with an empty cache."""
    folder, clock = bench.folder / "extraction", _Clock()
    shutil.rmtree(folder, ignore_errors=True)
    cache = open_cache(folder, bench.backbone, processor)
    gathering.gather(
        bench.lists,
        (distortions.WHOLE,),
        gathering.extract_here(bench.backbone, processor),
        cache,
        (10, 10),
        folder / "skipped_images.txt",
        clock.show,
    )
    cache.close()
    return (clock.photos - 1) / (clock.ended - clock.first), clock.first - clock.began
