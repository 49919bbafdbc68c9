"""Reads Keras models, .keras archives or HDF5 (.h5), without running code they hold."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import re
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from .. import errors
from ..errors import UserError
from ..fetching import unpacked_sizes
from . import hdf5_contents, keras_budget, keras_description, tensor_sizes

if TYPE_CHECKING:
    import h5py
    import keras

KERAS, H5 = "keras", "h5"

# Members of a .keras archive; ours lie beside them.
DESCRIPTION, METADATA = "config.json", "metadata.json"
# The group for our files in an HDF5 file.
GROUP = "classifier"
# The name of the layer that gives the bottleneck, in models that we write.
BOTTLENECK = "bottleneck"


def load(path: Path, more: Collection[str] = ()) -> tuple[keras.Model, Saved]:
    """The model, and all else in its file. `more` names the files of ours to look for in it."""
    saved = _read_keras(path, more) if _starts_like_an_archive(path) else _read_h5(path, more)
    # The training configuration is never loaded, so it may name anything.
    keras_description.refuse_code({**saved.described, "compile_config": None}, path)
    return _build(path, saved), saved


def description(path: Path) -> dict:
    """Of the model and its layers, without building it."""
    return (_read_keras(path, ()) if _starts_like_an_archive(path) else _read_h5(path, ())).described


@dataclass(frozen=True)
class Saved:
    """What a file holds besides weights."""

    described: dict  # the model and its layers
    version: str  # the Keras version that wrote it
    files: dict[str, bytes]  # the ones we added
    kind: str
    values: int  # in all weights

    def library(self) -> ModuleType:
        """Keras 3 can load few models of Keras 1 or 2; tf_keras is Keras 2, still maintained."""
        return importlib.import_module("tf_keras" if self.version.split(".")[0] in ("1", "2") else "keras")


def _starts_like_an_archive(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _read_keras(path: Path, more: Collection[str]) -> Saved:
    import h5py

    try:
        with zipfile.ZipFile(path) as archive:
            unpacked_sizes.check_zip(archive, path.stat().st_size)
            names = set(archive.namelist())
            if DESCRIPTION not in names:
                raise UserError(
                    f"{path} is an archive without {DESCRIPTION}: expected a classifier, such as a .keras file"
                )
            described = json.loads(archive.read(DESCRIPTION))
            metadata = json.loads(archive.read(METADATA)) if METADATA in names else {}
            files = {name: archive.read(name) for name in more if name in names}
            damaged, values = archive.testzip(), 0
            for name in (each for each in names if each.endswith(".h5") and damaged is None):
                data = archive.read(name)
                with h5py.File(io.BytesIO(data), "r") as weights:
                    values += hdf5_contents.check(weights, len(data), path)
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        ValueError,
        KeyError,
        RuntimeError,
        OverflowError,
        MemoryError,
    ) as error:
        raise _damaged(path, error) from None
    if damaged is not None:
        raise _damaged(path, f"the checksum of its {damaged} is wrong")
    if not isinstance(described, dict) or "class_name" not in described:
        raise UserError(f"{path} has no description of a Keras model in its {DESCRIPTION}: expected a .keras file")
    return Saved(described, str(metadata.get("keras_version", "")), files, KERAS, values)


def _read_h5(path: Path, more: Collection[str]) -> Saved:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            values = hdf5_contents.check(file, path.stat().st_size, path)
            text = file.attrs.get("model_config")
            if text is None:
                raise UserError(_why_no_model(file, path))
            described = json.loads(text)
            version = file.attrs.get("keras_version", "")
            group = file.get(GROUP, {})
            files = {
                name: value.tobytes() if isinstance(value := group[name][()], np.void) else value
                for name in more
                if name in group
            }
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise _damaged(path, error) from None
    return Saved(described, version.decode() if isinstance(version, bytes) else version, files, H5, values)


def _why_no_model(file: h5py.File, path: Path) -> str:
    if "layer_names" in file.attrs or "layers" in file or "_layer_checkpoint_dependencies" in file:
        return (
            f"{path} holds only the weights of a Keras model, not its layers: expected a whole model, as written by "
            "model.save()"
        )
    return f"{path} is an HDF5 file without a Keras model: expected a classifier, as written by retrain or export"


def _damaged(path: Path, why: object) -> UserError:
    return UserError(f"{path} is damaged or cut short ({in_short(why)}): download or create it again")


def _build(path: Path, saved: Saved) -> keras.Model:
    try:
        library = saved.library()
    except ImportError as error:
        raise UserError(
            f"{path} was written by Keras {saved.version}, and the package that opens such models cannot be imported "
            f"({error}): install it"
        ) from None
    try:
        with _named_for(path, saved.kind) as place, quietly(), keras_budget.of(saved.values, library):
            model = library.models.load_model(place, compile=False)
    except Exception as error:
        # Keras may raise anything on a model it does not understand; whatever it is, the model cannot be loaded.
        raise UserError(
            f"{path}, written by Keras {saved.version or 'of an unknown version'}, cannot be loaded by "
            f"{library.__name__} {library.__version__}: {in_short(error)}"
        ) from error
    tensor_sizes.refuse_large(keras_budget.shapes(model), path)
    return model


@contextlib.contextmanager
def _named_for(path: Path, kind: str) -> Iterator[str]:
    """A path with the ending by which Keras recognises this kind."""
    if path.suffix == f".{kind}":
        yield str(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"model.{kind}"
        link.symlink_to(path.resolve())
        yield str(link)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Silences Keras' advice about formats and compiling, which uses absl's logging."""
    import logging
    import warnings

    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def input_sizes(model: keras.Model, path: Path) -> tuple[int | None, int | None, int | None]:
    """Height, width and batch size of its input, each None if any will do."""
    if not model.inputs:
        raise UserError(f"{path} does not state its input: save it after it has been built, or with an Input layer")
    shapes = [tuple(each.shape) for each in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][3] not in (3, None):
        taken = " and ".join(str(list(shape)) for shape in shapes)
        raise UserError(f"{path} takes {taken}: expected a classifier of colour pictures, [n, height, width, 3]")
    batch, height, width, _ = shapes[0]
    if batch not in (1, None):
        raise UserError(f"{path} takes exactly {batch} pictures at a time: save it with an input for any number")
    return height, width, batch


def in_short(error: object) -> str:
    """The part of a long Keras message that says what is wrong."""
    text = str(error).rpartition("Exception encountered:")[2].strip()
    text = re.split(r"\s*\n\n|\s*(?:Full object )?config=|Make sure custom", text)[0]
    return errors.in_short(text or type(error).__name__)
