"""Presets of KerasHub, in folders."""

from __future__ import annotations

import tempfile
from pathlib import Path

from scripts.classifier.backbones import table

from .. import binary, structured
from ..target import Files, Target

_NAMES = ("config.json", "image_converter.json", "model.weights.h5")


def _samples() -> list[Files]:
    from tests.support import keras_hub_presets

    made = []
    for name in ("vit", "efficientnet"):
        with tempfile.TemporaryDirectory() as folder:
            keras_hub_presets.save(name, Path(folder))
            made.append({file: (Path(folder) / file).read_bytes() for file in _NAMES})
    return made


def _read(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as models:
        table.load(f"keras_hub:{folder}", Path(models))


TARGET = Target(
    "keras_hub",
    _samples,
    _read,
    inputs=10,
    own=(structured.json_values, binary.hdf5_contents("")),
    imports=("tensorflow", "keras_hub"),
    seconds=60.0,  # TensorFlow and Keras load their own libraries at first use
    megabytes=3500,  # networks may take half of the free memory
)
