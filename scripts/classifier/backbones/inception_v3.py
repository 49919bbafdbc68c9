"""Loads Inception V3 with the weights that Keras publishes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..errors import UserError, in_short
from . import kept_graphs, keras_graphs
from .backbone import Backbone
from .entry import Entry
from .sources import Source

NAME = "inception_v3"
INPUT_SIZE = 299
BOTTLENECK_SIZE = 2048

_FILE = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
# The checksum is the one in Keras' source.
SOURCE = Source(
    url=f"https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/{_FILE}",
    file=_FILE,
    md5="bcbd6486424b2319ff4ef7d526e38f63",
    size=87_910_968,
)


def load(weights: Path) -> Backbone:
    fingerprint = hashlib.sha256(weights.read_bytes()).hexdigest()
    kept = weights.with_name(f"{NAME}.{fingerprint[:16]}.pb")
    return Backbone(
        name=NAME,
        input_size=INPUT_SIZE,
        graph_def=kept_graphs.kept_or_made(kept, lambda: keras_graphs.freeze(_build(weights))),
        bottleneck_name=keras_graphs.OUTPUT,
        bottleneck_size=BOTTLENECK_SIZE,
        fingerprint=fingerprint,
        large=True,
    )


def _build(weights: Path):
    import keras

    model = keras.applications.InceptionV3(
        weights=None, include_top=False, pooling="avg", input_shape=(INPUT_SIZE, INPUT_SIZE, 3)
    )
    try:
        model.load_weights(weights)
    except (ValueError, OSError, KeyError) as error:
        raise UserError(
            f"{weights} does not hold the weights of Inception V3 ({in_short(error)}): delete it to download it again"
        ) from None
    return model


FAMILY = (
    Entry(
        name=NAME,
        input_size=INPUT_SIZE,
        values=BOTTLENECK_SIZE,
        source=SOURCE,
        load=lambda model_dir, _: load(SOURCE.within(model_dir)),
    ),
)
