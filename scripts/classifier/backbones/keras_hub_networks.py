"""Loads the networks of KerasHub that take pictures, by a preset's name or folder: keras_hub:PRESET."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UserError
from ..graphs import keras_budget, keras_files, tensor_sizes
from . import frozen_backbones, kept_graphs, keras_graphs
from .backbone import Backbone
from .choices import ALL, Choices
from .entry import Loadable
from .frozen_backbones import Prelude
from .keras_hub_presets import CONVERTER, Preset, check_installed
from .saved_modules import short_name

if TYPE_CHECKING:
    import keras
    import tensorflow as tf
    from tensorflow.core.framework.graph_pb2 import GraphDef

PREFIX = "keras_hub:"

# Their first token stands for the whole picture, the others for its parts.
_WITH_CLASS_TOKEN = {
    "CLIPBackbone",
    "DeiTBackbone",
    "DINOV2Backbone",
    "DINOV3Backbone",
    "MetaCLIP2Backbone",
    "ViTBackbone",
}

# A graph's file cannot be larger.
_MOST_BYTES = 2**31 - 1


def is_preset(name: str) -> bool:
    return name.startswith(PREFIX)


def check(name: str) -> str:
    """The name; raises if it cannot be a preset here."""
    preset = name.removeprefix(PREFIX)
    if not preset:
        raise UserError(f"--architecture={PREFIX}: expected a preset's name or its folder behind the colon")
    if "/" in preset and not Path(preset).expanduser().is_dir():
        raise UserError(f"--architecture={name}: no such folder; give a KerasHub preset's name or its folder")
    check_installed(name)
    return name


def at(name: str) -> Loadable:
    preset = Preset(name.removeprefix(PREFIX))
    return Loadable(
        load=lambda model_dir, choices: load(preset, model_dir, choices),
        fetch=preset.fetch,
        megabytes_left=preset.megabytes_left,
        heeds=ALL,
    )


def load(preset: Preset, model_dir: Path, choices: Choices) -> Backbone:
    fingerprint = choices.fingerprint(preset.content())
    folder = preset.folder
    name = f"keras_hub_{short_name(preset.name if folder is None else folder.resolve().name)}"
    graph_def = kept_graphs.kept_or_made(model_dir / f"{name}.{fingerprint[:16]}.pb", lambda: _freeze(preset, choices))
    return frozen_backbones.backbone(name, graph_def, fingerprint)


def _freeze(preset: Preset, choices: Choices) -> GraphDef:
    preset.described()  # before KerasHub reads it, to know the class of its preparation
    prelude, prepared = _preparation(preset, choices)
    built = _build(preset, choices)
    model, shape = _that_takes_pictures(built, preset.origin)
    if (size := model.count_params() * 4) > _MOST_BYTES:
        raise UserError(
            f"{preset.origin} has {size / 1e9:.1f} GB of weights, expected at most 2 GB, as much as a TensorFlow graph "
            "holds: choose a smaller one"
        )
    own = shape[0] if shape[0] == shape[1] else None
    return keras_graphs.freeze(
        model,
        prelude,
        choices.size(own or prepared, preset.origin),
        choices.bottleneck_layer,
        preset.origin,
        lambda output: _pooled(output, _has_class_token(built)),
    )


def _build(preset: Preset, choices: Choices) -> Any:
    """The whole network, with no more weights than its file has."""
    import keras
    import keras_hub

    described = preset.described()
    values, arrays = preset.weights()
    given = described["config"].get("image_shape")
    size = choices.input_size
    resized = size is not None and isinstance(given, list) and None not in given and given[:2] != [size, size]
    try:
        with keras_files.quietly(), keras_budget.of(values, keras, arrays):
            built = keras_hub.models.Backbone.from_preset(
                str(preset.path("config.json").parent.resolve()),
                dtype="float32",
                **({"image_shape": (size, size, 3)} if resized else {}),
            )
    except Exception as error:
        # Keras may raise anything on a network that it does not understand.
        hint = "; leave --input_size out" if resized else ""
        raise UserError(
            f"{preset.origin} cannot be loaded by KerasHub {keras_hub.__version__}: {keras_files.in_short(error)}{hint}"
        ) from None
    tensor_sizes.refuse_large(keras_budget.shapes(built), preset.origin)
    return built


def _that_takes_pictures(built: Any, origin: str) -> tuple[keras.Model, tuple[int | None, ...]]:
    """The network or its tower for pictures, and a picture's height and width, None for any."""
    import keras

    if hasattr(built, "get_vision_embeddings"):  # CLIP and its like, which compare pictures with texts
        entry = keras.Input(built.vision_encoder.image_shape)
        with keras_files.quietly():
            return keras.Model(entry, built.get_vision_embeddings(entry)), tuple(entry.shape[1:3])
    shapes = [tuple(each.shape) for each in built.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][3] != 3:
        taken = " and ".join(f"{each.name} {list(each.shape)}" for each in built.inputs)
        raise UserError(f"{origin} takes {taken}: expected a network that takes colour pictures, [n, height, width, 3]")
    return built, shapes[0][1:3]


def _preparation(preset: Preset, choices: Choices) -> tuple[Prelude, int | None]:
    """The preset's own scale and offset, unless the user gave others, and the side of its square pictures."""
    import keras_hub

    chosen = choices.input_mean is not None or choices.input_std is not None
    if preset.prepared() is None:
        return choices.prelude(None, None, preset.origin), None
    try:
        with keras_files.quietly():
            converter = keras_hub.layers.ImageConverter.from_preset(str(preset.path(CONVERTER).parent.resolve()))
        height, width = map(int, converter.image_size or (0, 0))
        scale, offset = (
            np.broadcast_to(np.array(plain if given is None else given, np.float64), 3)
            for given, plain in ((converter.scale, 1.0), (converter.offset, 0.0))
        )
    except Exception as error:
        # Keras may raise anything on a layer that it does not understand.
        raise UserError(
            f"{preset.path(CONVERTER)} does not say how to prepare pictures ({keras_files.in_short(error)}): get it "
            "again, or delete it and give --input_mean and --input_std"
        ) from None
    prelude = choices.prelude(None, None, preset.origin) if chosen else Prelude(np.diag(scale), offset)
    return prelude, height if height == width and height > 0 else None


def _has_class_token(built: Any) -> bool:
    return type(built).__name__ in _WITH_CLASS_TOKEN and getattr(built, "use_class_token", True)


def _pooled(output: Any, has_class_token: bool) -> tf.Tensor:
    """A vector a picture, or a map, which is averaged later; as KerasHub's own classifiers do it."""
    import tensorflow as tf

    if isinstance(output, dict):
        output = list(output.values())[-1]  # of several maps the last, which has seen most
    if len(output.shape) != 3:
        return output
    return output[:, 0] if has_class_token else tf.reduce_mean(output, 1)
