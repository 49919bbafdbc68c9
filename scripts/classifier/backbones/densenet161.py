"""Loads torchvision's DenseNet-161, built in Keras, with the weights that PyTorch publishes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError
from . import frozen_backbones, kept_graphs, keras_graphs, torch_files, torch_weights
from .backbone import Backbone
from .choices import Choices
from .entry import Entry
from .frozen_backbones import Prelude
from .sources import Source, digest

if TYPE_CHECKING:
    import keras

NAME = "densenet161"
INPUT_SIZE = 224
BOTTLENECK_SIZE = 2208

# The file's name holds the start of its sha256.
_SHA256_START = "8d451a50"
_FILE = f"densenet161-{_SHA256_START}.pth"
SOURCE = Source(
    url=f"https://download.pytorch.org/models/{_FILE}",
    file=_FILE,
    about_megabytes=116,  # PyTorch reports 115,730,790 bytes
)
# The choices that apply to it, wherever its weights come from.
HEEDS = ("bottleneck_layer", "input_size")

_LAYERS = (6, 12, 36, 24)  # in each dense block
_FIRST, _GROWTH, _NARROW = 96, 48, 4
_EPSILON = 1e-5

# torchvision's, for pixels from 0 to 1.
_MEAN, _STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
_PRELUDE = Prelude(np.diag(1 / (255 * _STD)), -_MEAN / _STD)


def load(weights: Path, choices: Choices) -> Backbone:
    """With the published weights."""
    found = digest(weights)
    if not found.startswith(_SHA256_START):
        raise UserError(
            f"{weights} is not the published file: its sha256 begins with {found[:8]}, expected {_SHA256_START}; "
            "delete it to download it again"
        )
    return load_file(NAME, weights, weights.parent, choices)


def load_file(name: str, weights: Path, model_dir: Path, choices: Choices) -> Backbone:
    """With weights from any file that has all of this network's tensors."""
    fingerprint = choices.fingerprint(digest(weights))
    size = INPUT_SIZE if choices.input_size is None else choices.input_size
    graph_def = kept_graphs.kept_or_made(
        model_dir / f"{name}.{fingerprint[:16]}.pb",
        lambda: keras_graphs.freeze(build(weights, size), _PRELUDE, layer=choices.bottleneck_layer, origin=name),
    )
    return frozen_backbones.backbone(name, graph_def, fingerprint)


def build(weights: Path, size: int = INPUT_SIZE) -> keras.Model:
    """A model from pictures, prepared as torchvision prepares them, to BOTTLENECK_SIZE averages."""
    tensors = {_current_name(name): values for name, values in torch_files.read(weights).items()}
    model = _network(size)
    torch_weights.fill(model, tensors, weights, "DenseNet-161")
    return model


def _network(size: int) -> keras.Model:
    """Layers are named like torchvision's modules."""
    import keras

    layers = keras.layers

    def normed(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        return layers.ReLU()(layers.BatchNormalization(epsilon=_EPSILON, name=name)(x))

    def convolution(x: keras.KerasTensor, filters: int, kernel: int, name: str, **settings) -> keras.KerasTensor:
        return layers.Conv2D(filters, kernel, use_bias=False, name=name, **settings)(x)

    pictures = keras.Input((size, size, 3))
    x = convolution(layers.ZeroPadding2D(3)(pictures), _FIRST, 7, "features.conv0", strides=2)
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(normed(x, "features.norm0")))
    channels = _FIRST
    for block, count in enumerate(_LAYERS, 1):
        for number in range(1, count + 1):
            name = f"features.denseblock{block}.denselayer{number}"
            new = convolution(normed(x, f"{name}.norm1"), _NARROW * _GROWTH, 1, f"{name}.conv1")
            new = convolution(normed(new, f"{name}.norm2"), _GROWTH, 3, f"{name}.conv2", padding="same")
            x = layers.Concatenate()([x, new])
        channels += count * _GROWTH
        if block < len(_LAYERS):
            channels //= 2
            name = f"features.transition{block}"
            x = layers.AveragePooling2D(2)(convolution(normed(x, f"{name}.norm"), channels, 1, f"{name}.conv"))
    return keras.Model(pictures, layers.GlobalAveragePooling2D()(normed(x, "features.norm5")), name=NAME)


def _current_name(name: str) -> str:
    """A tensor's name in today's torchvision: the published file, from 2017, says norm.1 for norm1."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d)\.", r"\1\2.", name)


FAMILY = (
    Entry(
        name=NAME,
        input_size=INPUT_SIZE,
        values=BOTTLENECK_SIZE,
        source=SOURCE,
        load=lambda model_dir, choices: load(SOURCE.within(model_dir), choices),
        heeds=HEEDS,
    ),
)
