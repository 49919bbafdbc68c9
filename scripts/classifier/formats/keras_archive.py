"""Keras models as .keras archives."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .. import atomic_files
from ..graphs import keras_files
from . import keras_file
from .contents import Contents

if TYPE_CHECKING:
    import keras

open_model, read_contents = keras_file.open_model, keras_file.read_contents


def write(path: Path, contents: Contents) -> None:
    keras_file.write(path, contents, _pack)


def _pack(model: keras.Model, files: Mapping[str, bytes], path: Path) -> bytes:
    """Adds our files to the archive that Keras writes into a folder beside `path`."""
    whole = io.BytesIO()
    with contextlib.ExitStack() as stack:
        unfinished = stack.enter_context(atomic_files.folder(path.with_name(f".{path.name}.writing")))
        saved = unfinished / f"model.{keras_files.KERAS}"  # Keras chooses the format by the name's ending
        model.save(saved)
        before, archive = (stack.enter_context(zipfile.ZipFile(*each)) for each in ((saved,), (whole, "w")))
        for name in before.namelist():
            data = before.read(name)
            if name == keras_files.DESCRIPTION:
                data = json.dumps(keras_file.portable(json.loads(data), model)).encode("ascii")
            archive.writestr(name, data)
        for name, data in files.items():
            archive.writestr(name, data, zipfile.ZIP_DEFLATED)
    return whole.getvalue()
