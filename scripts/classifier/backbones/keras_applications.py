"""Loads the networks of keras.applications with the weights that Keras publishes."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError, in_short
from . import frozen_backbones, kept_graphs, keras_graphs, keras_weights
from .backbone import Backbone
from .choices import Choices
from .entry import Entry
from .frozen_backbones import Prelude
from .sources import Source, digest

if TYPE_CHECKING:
    import keras

PUBLISHED = keras_weights.published()
NAMES = tuple(PUBLISHED)

_SHA256_DIGITS = 64


def source(name: str) -> Source:
    found = PUBLISHED[name]
    is_sha256 = found.checksum is not None and len(found.checksum) == _SHA256_DIGITS
    return Source(
        url=found.url,
        file=found.url.rpartition("/")[2],
        sha256=found.checksum if is_sha256 else None,
        md5=None if is_sha256 else found.checksum,
        about_megabytes=found.megabytes,
        estimated=found.estimated,
    )


def load(name: str, weights: Path, choices: Choices) -> Backbone:
    fingerprint = choices.fingerprint(digest(weights))
    size = PUBLISHED[name].size if choices.input_size is None else choices.input_size
    graph_def = kept_graphs.kept_or_made(
        weights.with_name(f"{name}.{fingerprint[:16]}.pb"),
        lambda: keras_graphs.freeze(
            build(name, weights, size), prelude(name), layer=choices.bottleneck_layer, origin=name
        ),
    )
    return frozen_backbones.backbone(name, graph_def, fingerprint)


def build(name: str, weights: Path, size: int) -> keras.Model:
    width = re.search(r"_(\d\.\d+)", name)
    more = {} if width is None else {"alpha": float(width[1])}
    try:
        # "imagenet", not the file: only with that name do EfficientNets prepare pixels as these weights need.
        with _handing_over(weights):
            return _function(name)(
                include_top=False, weights="imagenet", pooling="avg", input_shape=(size, size, 3), **more
            )
    except (ValueError, OSError, KeyError) as error:
        raise UserError(
            f"{weights} does not hold the weights of {name} ({in_short(error)}): delete it to download it again"
        ) from None


def prelude(name: str) -> Prelude:
    """Keras' preparation of pixels for this network, which may scale them further inside."""
    return Prelude.like(sys.modules[_function(name).__module__].preprocess_input)


def _function(name: str):
    import keras

    return getattr(keras.applications, name.partition("_")[0])


@contextlib.contextmanager
def _handing_over(weights: Path) -> Iterator[None]:
    """Gives Keras this file instead of any download."""
    from keras.src.utils import file_utils  # its networks call get_file through this module

    download = file_utils.get_file
    file_utils.get_file = lambda *args, **kwargs: str(weights)
    try:
        yield
    finally:
        file_utils.get_file = download


def _entry(name: str) -> Entry:
    found = source(name)
    return Entry(
        name=name,
        input_size=PUBLISHED[name].size,
        values=PUBLISHED[name].values,
        source=found,
        load=lambda model_dir, choices: load(name, found.within(model_dir), choices),
        heeds=("bottleneck_layer", "input_size"),
    )


FAMILY = tuple(map(_entry, NAMES))
