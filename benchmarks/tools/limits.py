"""How fast this machine could turn photos into bottlenecks: decoding and network alone, with each engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from scripts.classifier.backbones import inception_v3, keras_graphs
from scripts.classifier.backbones.backbone import MEAN, STD, Backbone
from scripts.classifier.backbones.network import Network
from scripts.classifier.graphs import frozen_graph
from scripts.classifier.machine import cores
from scripts.classifier.photos import distortions, pixels

# Photos handed to a thread at once: few enough that all threads finish together, enough that it costs nothing.
_HANDFUL = 8


def decode(photo: bytes, size: int) -> np.ndarray:
    square = distortions.look(photo, size, [distortions.WHOLE])[0]
    return pixels.normalise(square, MEAN, STD)


def decoding(photos: list[bytes], size: int) -> float:
    def work(some: list[bytes]) -> None:
        for photo in some:
            decode(photo, size)

    handfuls = [photos[at : at + _HANDFUL] for at in range(0, len(photos), _HANDFUL)]
    with ThreadPoolExecutor(cores()) as pool:
        started = time.perf_counter()
        list(pool.map(work, handfuls))
        return len(photos) / (time.perf_counter() - started)


def decoding_by_tensorflow(photos: list[bytes], size: int) -> float:
    import tensorflow as tf

    def take(photo):
        square = tf.image.resize(tf.io.decode_jpeg(photo, channels=3), [size, size])
        return (square - MEAN) / STD

    source = tf.data.Dataset.from_tensor_slices(photos)
    decoded = iter(source.map(take, num_parallel_calls=cores(), deterministic=False).batch(_HANDFUL))
    next(decoded)
    started = time.perf_counter()
    rest = sum(len(batch) for batch in decoded)
    return rest / (time.perf_counter() - started)


def network_rate(network: Network, squares: np.ndarray, runs: int) -> float:
    """Photos per second over about `runs` photos, with one runner per core."""
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


def network_by_tensorflow(backbone: Backbone, squares: np.ndarray, runs: int) -> Callable[[], float]:
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


def inception_with_random_weights() -> Backbone:
    """As fast as with the published weights, an 88 MB download."""
    import keras

    keras.utils.set_random_seed(0)
    size = inception_v3.INPUT_SIZE
    model = keras.applications.InceptionV3(weights=None, include_top=False, pooling="avg", input_shape=(size, size, 3))
    return Backbone(
        inception_v3.NAME,
        size,
        keras_graphs.freeze(model),
        keras_graphs.OUTPUT,
        inception_v3.BOTTLENECK_SIZE,
        fingerprint="random weights",
        large=True,
    )
