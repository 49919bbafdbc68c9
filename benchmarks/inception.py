"""Measures Inception V3, the original's default, in both arithmetics."""

from __future__ import annotations

import numpy as np

from benchmarks import extraction
from benchmarks.tools.figures import Against, Figure, alternated
from benchmarks.tools.workbench import Workbench
from scripts.classifier.backbones import inception_v3, keras_graphs
from scripts.classifier.backbones.backbone import Backbone
from scripts.classifier.backbones.network import LARGE_BATCH, Network
from scripts.classifier.machine import has_bfloat16

_LEAST_BFLOAT16_PHOTOS_A_SECOND = 25.0


def inception(bench: Workbench, photos: int) -> list[Figure]:
    backbone = with_random_weights()
    size = backbone.input_size
    squares = np.random.default_rng(0).uniform(-1, 1, (LARGE_BATCH, size, size, 3)).astype(np.float32)
    precisions = ["float32", "bfloat16"] if has_bfloat16() else ["float32"]
    opened = {precision: Network(backbone, precision) for precision in precisions}
    rates = alternated(
        {
            precision: lambda network=network: extraction.network_rate(network, squares, photos)
            for precision, network in opened.items()
        },
        bench.rounds,
    )
    how = f"random weights, {LARGE_BATCH} at a time, about {photos} photos; median of {bench.rounds}, in turn"
    if "bfloat16" not in rates:
        how += "; bfloat16 left out, which this processor does not have"
    against = {"bfloat16": Against(_LEAST_BFLOAT16_PHOTOS_A_SECOND, "at least")}
    return [
        Figure(f"network alone, Inception V3 in {precision}", rate, "photos/s", how, against.get(precision))
        for precision, rate in rates.items()
    ]


def with_random_weights() -> Backbone:
    """As fast as the published ones, which are 88 MB to download."""
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
