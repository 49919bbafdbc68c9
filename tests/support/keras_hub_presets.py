"""Tiny networks of KerasHub with random weights, and their preparation of pictures, saved as presets."""

from pathlib import Path

import keras
import keras_hub

SIZE = 32

models, layers = keras_hub.models, keras_hub.layers
_TOWER = {"patch_size": 8, "hidden_dim": 16, "num_layers": 2, "num_heads": 2, "intermediate_dim": 32}
_TEXTS = {"vocabulary_size": 20, "embedding_dim": 16, "hidden_dim": 16, "num_layers": 1, "num_heads": 2}
_PICTURES = (SIZE, SIZE, 3)


def _vit():
    return models.ViTBackbone(image_shape=_PICTURES, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32)


def _dinov2():
    return models.DINOV2Backbone(image_shape=_PICTURES, num_register_tokens=2, **_TOWER)


def _clip():
    tower = models.CLIPVisionEncoder(image_shape=_PICTURES, **_TOWER)
    return models.CLIPBackbone(tower, models.CLIPTextEncoder(intermediate_dim=32, **_TEXTS), projection_dim=12)


def _siglip():
    tower = models.SigLIPVisionEncoder(image_shape=_PICTURES, **_TOWER)
    return models.SigLIPBackbone(tower, models.SigLIPTextEncoder(intermediate_dim=32, **_TEXTS))


def _swin():
    return models.SwinTransformerBackbone(
        image_shape=_PICTURES, embed_dim=8, depths=(2, 1), num_heads=(1, 2), window_size=4, patch_size=2
    )


def _efficientnet():
    of_three = {
        "width_coefficients": [1.0] * 3,
        "depth_coefficients": [1.0] * 3,
        "kernel_sizes": [3, 3, 5],
        "num_repeats": [1] * 3,
        "input_filters": [8] * 3,
        "output_filters": [8, 8, 16],
        "expansion_ratios": [1, 2, 2],
        "strides": [1, 2, 2],
        "squeeze_and_excite_ratios": [0.25] * 3,
        "block_types": ["v1"] * 3,
        "force_input_filters": [0] * 3,
        "nores_option": [False] * 3,
    }
    stages = {f"stackwise_{name}": values for name, values in of_three.items()}
    depths = {"min_depth": 8, "use_depth_divisor_as_min_depth": True}
    return models.EfficientNetBackbone(activation="swish", image_shape=(None, None, 3), **stages, **depths)


NETWORKS = {
    "vit": (_vit, layers.ViTImageConverter),
    "dinov2": (_dinov2, layers.DINOV2ImageConverter),
    "clip": (_clip, layers.CLIPImageConverter),
    "siglip": (_siglip, layers.SigLIPImageConverter),
    "swin": (_swin, layers.SwinTransformerImageConverter),
    "efficientnet": (_efficientnet, layers.EfficientNetImageConverter),
}


def save(name: str, folder: Path) -> tuple[keras.Model, keras.layers.Layer]:
    """The network and its preparation, which `folder` then holds as a preset."""
    keras.utils.set_random_seed(1)
    build, preparation = NETWORKS[name]
    network = build()
    for weights in network.trainable_weights:  # those at 0 or 1 too, so that none could be left out unnoticed
        weights.assign_add(keras.random.normal(weights.shape, stddev=0.1))
    prepare = preparation(image_size=(SIZE, SIZE), scale=[0.01, 0.02, 0.03], offset=[-1.0, -0.5, 0.25])
    network.save_to_preset(str(folder))
    prepare.save_to_preset(str(folder))
    return network, prepare
