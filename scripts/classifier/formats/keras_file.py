"""Opens Keras models, both .keras archives and HDF5 files, and writes the parts that both share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from .. import atomic_files
from ..errors import UserError, in_short
from ..graphs import keras_description, keras_files
from ..photos import preprocessing
from ..photos.preprocessing import Overrides, Preprocessing
from . import common_form, endings, keras_translation, raw_pixels, sizes
from .contents import LABELS, RECORD, UNKNOWN, Contents, carried
from .model import Model, Wishes

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

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

    known = _read(path, wishes.said)
    model, record, take = known.model, known.record, known.take
    finish: endings.Scores = endings.as_they_are
    outputs, note = model.outputs[0].shape[1], None
    if record is None:
        finish, outputs, note = endings.finish(known.logits, outputs)
    body = known.with_bottlenecks() if wishes.bottlenecks else None

    def run(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        try:
            given = (body or model).predict_on_batch(pictures)
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise UserError(f"{path} cannot be run on pictures: {keras_files.in_short(error)}") from None
        scores, bottlenecks = (given, None) if body is None else given
        return finish(np.asarray(scores)), None if bottlenecks is None else bottlenecks.astype(np.float32, copy=False)

    return Model(
        path,
        take,
        outputs,
        record,
        known.unknown,
        lambda: run,
        known.batch or _BATCH,
        gives_bottlenecks=body is not None,
        labels=None if record is None else tuple(record["labels"]),
        note=note and f"{path} {note}",
    )


def read_contents(path: Path, said: Overrides, labels: tuple[str, ...], named: dict[str, str] | None) -> Contents:
    """The contents to write in another format."""
    known = _read(path, said)
    body = known.with_bottlenecks() or known.model

    def run(pictures: tf.Tensor) -> list[tf.Tensor]:
        given = body(pictures, training=False)
        scores, *bottlenecks = given if isinstance(given, list | tuple) else [given]
        return [scores if known.record is not None else endings.finish_in_graph(scores, known.logits), *bottlenecks]

    network = common_form.Network(path, run, known.take, known.record, known.unknown)
    return common_form.contents(network, labels, named)


@dataclass(frozen=True)
class _Known:
    """A model, with what goes in and comes out."""

    model: keras.Model
    library: ModuleType  # the Keras that it was loaded by
    take: Preprocessing
    record: dict | None
    unknown: bytes | None
    batch: int | None
    logits: bool

    def with_bottlenecks(self) -> keras.Model | None:
        """The model with a second output for bottlenecks; None if it has no layer of that name with vectors."""
        if all(layer.name != keras_files.BOTTLENECK for layer in self.model.layers):
            return None
        bottleneck = self.model.get_layer(keras_files.BOTTLENECK).output
        if len(bottleneck.shape) != 2:
            return None
        return self.library.Model(self.model.inputs, [self.model.outputs[0], bottleneck])


def _read(path: Path, said: Overrides) -> _Known:
    model, saved = keras_files.load(path, (RECORD, LABELS, UNKNOWN))
    record, unknown = carried(saved.files, path)
    height, width, batch = keras_files.input_sizes(model, path)
    shapes = [tuple(each.shape) for each in model.outputs]
    if len(shapes) != 1 or len(shapes[0]) != 2:
        given = " and ".join(str(list(shape)) for shape in shapes)
        raise UserError(f"{path} gives {given}: expected a classifier that gives [n, labels]")
    if record is not None:
        found = record["preprocessing"]
    else:
        raw = keras_description.takes_raw_pixels(saved.described)
        found = {"input_height": height, "input_width": width, "channels": keras_description.channels(saved.described)}
        found |= {"input_mean": 0.0, "input_std": 1.0} if raw else {}
    take = preprocessing.settle(path, found, said, needs_layers=False)
    sizes.check(path, take, height, width)
    logits = record is None and keras_description.gives_logits(saved.described)
    return _Known(model, saved.library(), take, record, unknown, batch, logits)
