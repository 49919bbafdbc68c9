"""Writes and opens Keras models, as a .keras archive or as an HDF5 file (.h5)."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from scripts.classifier import atomic_files, keras_translation, preprocessing
from scripts.classifier.errors import UserError
from scripts.classifier.formats import endings, keras_description, raw_pixels, sizes
from scripts.classifier.formats.contents import LABELS, RECORD, UNKNOWN, Contents, carried
from scripts.classifier.formats.model import Model, Wishes

if TYPE_CHECKING:
    import h5py
    import keras

KERAS, H5 = "keras", "h5"

# More at once gains nothing on two cores and only takes memory.
_BATCH = 32

# Members of a .keras archive; ours are beside them.
_DESCRIPTION, _METADATA = "config.json", "metadata.json"
# Where an HDF5 file holds ours.
_GROUP = "classifier"


def write(path: Path, contents: Contents, kind: str) -> None:
    """A model from pixels of 0 to 255 to scores, which Keras loads without anything of ours."""
    atomic_files.check(path)
    model = keras_translation.translate(contents.graph_def, contents.preprocessing, contents.bottleneck)
    files = contents.files(raw_pixels.taken(contents.preprocessing))
    # Keras goes by the name's ending.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp.{kind}")
    try:
        with _quietly():
            model.save(temporary)
        complete = _complete_keras if kind == KERAS else _complete_h5
        atomic_files.write_bytes(path, complete(temporary, model, files))
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        raise UserError(f"cannot write {path}: {reason}; give a place that can be written") from None
    finally:
        temporary.unlink(missing_ok=True)


def _complete_keras(saved: Path, model: keras.Model, files: Mapping[str, bytes]) -> bytes:
    """With our files as further members."""
    whole = io.BytesIO()
    with zipfile.ZipFile(saved) as before, zipfile.ZipFile(whole, "w") as archive:
        for name in before.namelist():
            data = before.read(name)
            archive.writestr(name, json.dumps(_portable(json.loads(data), model)) if name == _DESCRIPTION else data)
        for name, data in files.items():
            archive.writestr(name, data, zipfile.ZIP_DEFLATED)
    return whole.getvalue()


def _complete_h5(saved: Path, model: keras.Model, files: Mapping[str, bytes]) -> bytes:
    """With our files in a group of their own."""
    import h5py

    with h5py.File(saved, "r+") as file:
        file.attrs["model_config"] = json.dumps(_portable(json.loads(file.attrs["model_config"]), model))
        group = file.create_group(_GROUP)
        for name, data in files.items():
            # Text as text, so that h5dump and the like show it.
            if name == UNKNOWN:
                group[name] = np.void(data)
            else:
                group.create_dataset(name, data=data, dtype=h5py.string_dtype())
    return saved.read_bytes()


def _portable(described: dict, model: keras.Model) -> dict:
    """As other versions of Keras, and both formats, can read it.

    Settings that are None are left out: that is what they are by default, and older versions refuse those that they
    do not know. Operations that are no layers are told where they are found, which Keras leaves out of HDF5 files.
    """
    import keras

    operations = {each.name: each for each in model.operations if not isinstance(each, keras.Layer)}
    for each in described["config"]["layers"]:
        if each["name"] in operations:
            each.update(keras.saving.serialize_keras_object(operations[each["name"]]))
        each["config"] = {name: value for name, value in each["config"].items() if value is not None}
    return described


def open_model(path: Path, wishes: Wishes) -> Model:
    """Ours, or one from elsewhere: then its layers tell how it is fed, as far as they do."""
    import tensorflow as tf

    saved = _read_keras(path) if _starts_like_an_archive(path) else _read_h5(path)
    record, unknown = carried(saved.files, path)
    # How it was trained is not looked at.
    keras_description.refuse_code({**saved.described, "compile_config": None}, path)
    model = _load(path, saved)
    height, width, batch = _input_sizes(model, path)
    finish, outputs, note = _ending(model, path, None if record is not None else saved.described)
    if record is not None:
        found = record["preprocessing"]
    else:
        raw = keras_description.takes_raw_pixels(saved.described)
        found = {"input_height": height, "input_width": width, **({"input_mean": 0.0, "input_std": 1.0} if raw else {})}
    take = preprocessing.settle(path, found, wishes.said, needs_layers=False)
    sizes.check(path, take, height, width)
    body, gives_bottlenecks = model, False
    if wishes.bottlenecks and any(layer.name == keras_translation.BOTTLENECK for layer in model.layers):
        bottleneck = model.get_layer(keras_translation.BOTTLENECK).output
        gives_bottlenecks = len(bottleneck.shape) == 2
        if gives_bottlenecks:
            body = saved.library().Model(model.inputs, [model.outputs[0], bottleneck])

    def run(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        try:
            given = body.predict_on_batch(pictures)
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise UserError(f"{path} cannot be run on pictures: {_in_short(error)}") from None
        scores, bottlenecks = given if gives_bottlenecks else (given, None)
        return finish(np.asarray(scores)), None if bottlenecks is None else bottlenecks.astype(np.float32, copy=False)

    return Model(
        path, take, outputs, record, unknown, lambda: run, batch or _BATCH, gives_bottlenecks=gives_bottlenecks,
        labels=None if record is None else tuple(record["labels"]), note=note and f"{path} {note}",
    )  # fmt: skip


@dataclass(frozen=True)
class _Saved:
    """What a file holds beside weights."""

    described: dict  # the model and its layers
    version: str  # of the Keras that wrote it
    files: dict[str, bytes]  # ours
    kind: str

    def library(self) -> ModuleType:
        """Keras 3 loads hardly any model of Keras 1 or 2; tf_keras is Keras 2, kept up."""
        return importlib.import_module("tf_keras" if self.version.split(".")[0] in ("1", "2") else "keras")


def _starts_like_an_archive(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _read_keras(path: Path) -> _Saved:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if _DESCRIPTION not in names:
                raise UserError(
                    f"{path} is an archive without {_DESCRIPTION}: expected a classifier, such as a .keras file"
                )
            described = json.loads(archive.read(_DESCRIPTION))
            metadata = json.loads(archive.read(_METADATA)) if _METADATA in names else {}
            files = {name: archive.read(name) for name in (RECORD, LABELS, UNKNOWN) if name in names}
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError) as error:
        raise _damaged(path, error) from None
    if damaged is not None:
        raise _damaged(path, f"its {damaged} does not fit its checksum")
    if not isinstance(described, dict) or "class_name" not in described:
        raise UserError(f"{path} holds no description of a Keras model in its {_DESCRIPTION}: expected a .keras file")
    return _Saved(described, str(metadata.get("keras_version", "")), files, KERAS)


def _read_h5(path: Path) -> _Saved:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            text = file.attrs.get("model_config")
            if text is None:
                raise UserError(_why_no_model(file, path))
            described = json.loads(text)
            version = file.attrs.get("keras_version", "")
            group = file.get(_GROUP, {})
            files = {
                name: group[name][()].tobytes() if name == UNKNOWN else group[name][()]
                for name in (RECORD, LABELS, UNKNOWN) if name in group
            }  # fmt: skip
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise _damaged(path, error) from None
    return _Saved(described, version.decode() if isinstance(version, bytes) else version, files, H5)


def _why_no_model(file: h5py.File, path: Path) -> str:
    if "layer_names" in file.attrs or "layers" in file or "_layer_checkpoint_dependencies" in file:
        return (
            f"{path} holds the weights of a Keras model only, without its layers: expected a whole model, as "
            "model.save() writes it"
        )
    return f"{path} is an HDF5 file, but holds no Keras model: expected a classifier, as retrain or export wrote it"


def _damaged(path: Path, why: object) -> UserError:
    return UserError(f"{path} is damaged or cut short ({_in_short(why)}): get it anew")


def _load(path: Path, saved: _Saved) -> keras.Model:
    try:
        library = saved.library()
    except ImportError as error:
        raise UserError(
            f"{path} was written by Keras {saved.version}, and what opens its models cannot be imported ({error}): "
            "install it"
        ) from None
    try:
        with _named_for(path, saved.kind) as place, _quietly():
            return library.models.load_model(place, compile=False)
    except Exception as error:
        # Keras raises anything on what it does not understand: whatever it is, the model cannot be loaded.
        raise UserError(
            f"{path}, written by Keras {saved.version or 'of unknown version'}, cannot be loaded by "
            f"{library.__name__} {library.__version__}: {_in_short(error)}"
        ) from error


@contextlib.contextmanager
def _named_for(path: Path, kind: str) -> Iterator[str]:
    """A name by which Keras, which goes by names, takes it for what it is."""
    if path.suffix == f".{kind}":
        yield str(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"model.{kind}"
        link.symlink_to(path.resolve())
        yield str(link)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without Keras' advice about formats and compiling, which goes through the logging of others."""
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


def _input_sizes(model: keras.Model, path: Path) -> tuple[int | None, int | None, int | None]:
    """Height and width of pictures and how many it takes at once, each None where any goes."""
    if not model.inputs:
        raise UserError(f"{path} does not say what it takes: save it once it has been built, or with an Input layer")
    shapes = [tuple(each.shape) for each in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][3] not in (3, None):
        taken = " and ".join(str(list(shape)) for shape in shapes)
        raise UserError(f"{path} takes {taken}: expected a classifier of colour pictures, [n, height, width, 3]")
    batch, height, width, _ = shapes[0]
    if batch not in (1, None):
        raise UserError(f"{path} takes {batch} pictures at a time, no fewer: save it with an input for any number")
    return height, width, batch


def _ending(
    model: keras.Model, path: Path, described: dict | None
) -> tuple[endings.Scores, int | None, str | None]:
    """How its values become scores; `described` is None where they are scores already."""
    shapes = [tuple(each.shape) for each in model.outputs]
    if len(shapes) != 1 or len(shapes[0]) != 2:
        given = " and ".join(str(list(shape)) for shape in shapes)
        raise UserError(f"{path} gives {given}: expected a classifier that gives [n, labels]")
    if described is None:
        return lambda values: values, shapes[0][1], None
    return endings.finish(keras_description.gives_logits(described), shapes[0][1])


def _in_short(error: object) -> str:
    """The part of Keras' long messages that says what is wrong."""
    text = str(error).rpartition("Exception encountered:")[2].strip()
    text = re.split(r"\s*\n\n|\s*(?:Full object )?config=|Make sure custom", text)[0]
    return " ".join(text.split()).rstrip(".:")[:200] or type(error).__name__
