"""Opens Keras models, both .keras archives and HDF5 files, and writes the parts that both share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import atomic_files
from ..errors import UserError, in_short
from ..graphs import keras_description, keras_files
from ..photos import preprocessing
from . import endings, keras_translation, raw_pixels, sizes
from .contents import LABELS, RECORD, UNKNOWN, Contents, carried
from .model import Model, Wishes

if TYPE_CHECKING:
    import keras

# Larger batches are no faster on two cores and only take memory.
_BATCH = 32

# Takes the model, our files, and the path that they will be written to; gives the bytes to write.
Pack = Callable[["keras.Model", Mapping[str, bytes], Path], bytes]


def write(path: Path, contents: Contents, pack: Pack) -> None:
    """Writes a model that takes pixels of 0 to 255 and gives scores. Keras loads it without our code."""
    atomic_files.check(path)
    model = keras_translation.translate(contents.graph_def, contents.preprocessing, contents.bottleneck)
    files = contents.files(raw_pixels.taken(contents.preprocessing))
    try:
        with keras_files.quietly():
            data = pack(model, files, path)
        atomic_files.write_bytes(path, data)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or in_short(error)}; choose a place that can be written"
        ) from None


def portable(described: dict, model: keras.Model) -> dict:
    """Changes a model's description so that other versions of Keras can read it, in both formats.

    Settings that are None are left out: None is their default, and older versions refuse settings they do not know.
    Operations that are not layers get their module and class, which Keras leaves out of HDF5 files.
    """
    import keras

    operations = {each.name: each for each in model.operations if not isinstance(each, keras.Layer)}
    for each in described["config"]["layers"]:
        if each["name"] in operations:
            each.update(keras.saving.serialize_keras_object(operations[each["name"]]))
        each["config"] = {name: value for name, value in each["config"].items() if value is not None}
    return described


def open_model(path: Path, wishes: Wishes) -> Model:
    """Opens our models, and those from elsewhere, whose layers may show what input they expect."""
    import tensorflow as tf

    model, saved = keras_files.load(path, (RECORD, LABELS, UNKNOWN))
    record, unknown = carried(saved.files, path)
    height, width, batch = keras_files.input_sizes(model, path)
    finish, outputs, note = _ending(model, path, None if record is not None else saved.described)
    if record is not None:
        found = record["preprocessing"]
    else:
        raw = keras_description.takes_raw_pixels(saved.described)
        found = {"input_height": height, "input_width": width, "channels": keras_description.channels(saved.described)}
        found |= {"input_mean": 0.0, "input_std": 1.0} if raw else {}
    take = preprocessing.settle(path, found, wishes.said, needs_layers=False)
    sizes.check(path, take, height, width)
    body, gives_bottlenecks = model, False
    if wishes.bottlenecks and any(layer.name == keras_files.BOTTLENECK for layer in model.layers):
        bottleneck = model.get_layer(keras_files.BOTTLENECK).output
        gives_bottlenecks = len(bottleneck.shape) == 2
        if gives_bottlenecks:
            body = saved.library().Model(model.inputs, [model.outputs[0], bottleneck])

    def run(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        try:
            given = body.predict_on_batch(pictures)
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise UserError(f"{path} cannot be run on pictures: {keras_files.in_short(error)}") from None
        scores, bottlenecks = given if gives_bottlenecks else (given, None)
        return finish(np.asarray(scores)), None if bottlenecks is None else bottlenecks.astype(np.float32, copy=False)

    return Model(
        path,
        take,
        outputs,
        record,
        unknown,
        lambda: run,
        batch or _BATCH,
        gives_bottlenecks=gives_bottlenecks,
        labels=None if record is None else tuple(record["labels"]),
        note=note and f"{path} {note}",
    )


def _ending(model: keras.Model, path: Path, described: dict | None) -> tuple[endings.Scores, int | None, str | None]:
    """How its outputs become scores; `described` is None if they are scores already."""
    shapes = [tuple(each.shape) for each in model.outputs]
    if len(shapes) != 1 or len(shapes[0]) != 2:
        given = " and ".join(str(list(shape)) for shape in shapes)
        raise UserError(f"{path} gives {given}: expected a classifier that gives [n, labels]")
    if described is None:
        return endings.as_they_are, shapes[0][1], None
    return endings.finish(keras_description.gives_logits(described), shapes[0][1])
