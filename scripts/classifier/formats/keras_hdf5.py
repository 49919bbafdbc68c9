"""Keras models as HDF5 files (.h5)."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..graphs import keras_files
from . import keras_file
from .contents import UNKNOWN, Contents

if TYPE_CHECKING:
    import keras

open_model, read_contents = keras_file.open_model, keras_file.read_contents


def write(path: Path, contents: Contents) -> None:
    keras_file.write(path, contents, _pack)


def _pack(model: keras.Model, files: Mapping[str, bytes], path: Path) -> bytes:
    """Adds our files in a separate group. All is in memory: on a full disk, HDF5 would end the process."""
    import h5py

    class Named(h5py.File):
        def __str__(self) -> str:
            return f"model.{keras_files.H5}"  # Keras chooses the format by the name's ending

    whole = io.BytesIO()
    with Named(whole, "w") as file:
        model.save(file)
        file.attrs["model_config"] = json.dumps(keras_file.portable(json.loads(file.attrs["model_config"]), model))
        group = file.create_group(keras_files.GROUP)
        for name, data in files.items():
            # Text is stored as text, so that h5dump and other tools show it.
            if name == UNKNOWN:
                group[name] = np.void(data)
            else:
                group.create_dataset(name, data=data, dtype=h5py.string_dtype())
    return whole.getvalue()
