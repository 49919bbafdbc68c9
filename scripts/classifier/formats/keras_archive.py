"""Keras models as .keras archives."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..graphs import keras_files
from . import keras_file
from .contents import Contents

if TYPE_CHECKING:
    import keras

open_model = keras_file.open_model


def write(path: Path, contents: Contents) -> None:
    keras_file.write(path, contents, keras_files.KERAS, _complete)


def _complete(saved: Path, model: keras.Model, files: Mapping[str, bytes]) -> bytes:
    """Adds our files to the archive."""
    whole = io.BytesIO()
    with zipfile.ZipFile(saved) as before, zipfile.ZipFile(whole, "w") as archive:
        for name in before.namelist():
            data = before.read(name)
            if name == keras_files.DESCRIPTION:
                data = json.dumps(keras_file.portable(json.loads(data), model)).encode("ascii")
            archive.writestr(name, data)
        for name, data in files.items():
            archive.writestr(name, data, zipfile.ZIP_DEFLATED)
    return whole.getvalue()
