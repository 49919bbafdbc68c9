"""Writes and opens SavedModels, the folders that TensorFlow Serving and most TensorFlow tools take."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import atomic_files
from ..errors import UserError, in_short
from ..graphs import allowed_ops, saved_model_files
from ..graphs.frozen_graph import placeholder
from ..graphs.saved_model_files import loading
from ..photos import preprocessing
from . import endings, raw_pixels, sizes, tensorflow_pixels
from .contents import LABELS, RECORD, UNKNOWN, Contents, carried
from .model import Model, Wishes
from .raw_pixels import SCORES
from .saved_model_signatures import (
    CLASSES,
    CLASSIFY,
    IMAGE_BYTES,
    PIXELS,
    SERVING,
    WITH_BOTTLENECKS,
    choose,
    last_operation,
)

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef

_FILE = saved_model_files.FILE
_TAG = "serve"
# Marks a signature for classifying in TensorFlow Serving.
_CLASSIFY_METHOD = "tensorflow/serving/classify"
# TensorFlow copies assets along, and ignores the other folder.
_ASSETS, _EXTRA = "assets", "assets.extra"

# Larger batches are no faster on two cores and only take memory.
_BATCH = 32

# Constants with at least this many values become variables, which are stored once for all signatures and load fast.
_WEIGHTS = 1024


def write(path: Path, contents: Contents) -> None:
    """Writes a SavedModel that takes encoded pictures, and pixels of 0 to 255. It replaces nothing but a SavedModel."""
    check(path)
    files = contents.files(raw_pixels.taken(contents.preprocessing))
    try:
        with atomic_files.folder(path.with_name(f".{path.name}.writing")) as unfinished:
            labels, whole = unfinished / LABELS, unfinished / "whole"
            labels.write_bytes(files.pop(LABELS))
            _save(contents, labels, whole)
            (whole / _EXTRA).mkdir()
            for name, data in files.items():
                (whole / _EXTRA / name).write_bytes(data)
            atomic_files.replace(whole, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; choose a place that can be written") from None


def check(path: Path) -> None:
    """Fails before long work if `write` would fail after it."""
    if path.exists() and not (path / _FILE).exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{path} exists and is not a SavedModel: choose another place or move it away")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent):
            pass  # the result is renamed into this folder
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; choose a place that can be written") from None


def _save(contents: Contents, labels: Path, folder: Path) -> None:
    import tensorflow as tf

    take = contents.preprocessing
    module = tf.Module()
    module.labels = tf.saved_model.Asset(str(labels))
    graph_def, weights = _with_variables(contents.graph_def)
    module.weights = list(weights.values())
    # All signatures share this function, and `decode` below, so that each is stored once.
    whole = tf.function(raw_pixels.function(graph_def, take, contents.bottleneck, weights), autograph=False)
    pictures = raw_pixels.spec(graph_def, take)
    strings = tf.TensorSpec(pictures.shape[:1], tf.string)
    classes = tf.constant([[label.encode("utf-8", "surrogateescape") for label in contents.labels]])

    def from_pixels(pictures: tf.Tensor) -> dict[str, tf.Tensor]:
        scores = whole(pictures)[SCORES]
        return {SCORES: scores, CLASSES: tf.tile(classes, [tf.shape(scores)[0], 1])}

    decode = tf.function(
        lambda encoded: tensorflow_pixels.decode_all(encoded, take.input_height, take.input_width, take.fit),
        [strings],
        autograph=False,
    )

    def from_encoded(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        return from_pixels(decode(image_bytes))

    def from_examples(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        features = tf.io.parse_example(inputs, {IMAGE_BYTES: tf.io.FixedLenFeature([], tf.string)})
        return from_encoded(features[IMAGE_BYTES])

    def signature(run: Callable, entry: tf.TensorSpec) -> tf.types.experimental.PolymorphicFunction:
        return tf.function(run, input_signature=[entry], autograph=False)

    signatures = {
        SERVING: signature(from_encoded, strings),
        CLASSIFY: signature(from_examples, strings),
        PIXELS: signature(from_pixels, pictures),
    }
    if contents.bottleneck is not None:
        signatures[WITH_BOTTLENECKS] = signature(lambda pictures: whole(pictures), pictures)
    try:
        tf.saved_model.save(module, str(folder), signatures=signatures)
    except tf.errors.OpError as error:
        raise OSError(None, in_short(error.message)) from None
    _name_the_method(folder)


def _name_the_method(folder: Path) -> None:
    """TensorFlow 2 marks all signatures for predicting; TensorFlow Serving classifies only with one marked for that."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    saved = SavedModel.FromString((folder / _FILE).read_bytes())
    for meta_graph in saved.meta_graphs:
        meta_graph.signature_def[CLASSIFY].method_name = _CLASSIFY_METHOD
    (folder / _FILE).write_bytes(saved.SerializeToString(deterministic=True))


def _with_variables(graph_def: GraphDef) -> tuple[GraphDef, dict[str, tf.Variable]]:
    """Takes the weights out of the graph, which gets placeholders of the same names."""
    import tensorflow as tf

    result, weights = type(graph_def)(), {}
    result.CopyFrom(graph_def)
    for node in result.node:
        if node.op == "Const" and node.attr["dtype"].type == tf.float32.as_datatype_enum:
            values = tf.make_ndarray(node.attr["value"].tensor)
            if values.size >= _WEIGHTS:
                weights[node.name] = tf.Variable(values, name=node.name)
                node.CopyFrom(placeholder(node.name, list(values.shape)))
    return result, weights


def open_model(path: Path, wishes: Wishes) -> Model:
    """Opens our models, and those from elsewhere that take prepared pictures."""
    import tensorflow as tf

    meta_graph = _graph_for_serving(path)
    allowed_ops.refuse_in_saved_model(meta_graph, path)
    record, unknown = carried(_own_files(path), path)
    way = choose(meta_graph, path, wishes.bottlenecks and record is not None)
    batch, height, width = way.sizes()
    kind = np.dtype(way.pictures.kind)
    finish, outputs, note = (lambda values: values), way.outputs(), None
    if record is not None:
        found: dict = record["preprocessing"]
    else:
        found = {"input_height": height, "input_width": width}
        if kind == np.uint8:
            found |= {"input_mean": 0.0, "input_std": 1.0}
        last = last_operation(meta_graph.graph_def, way.scores.name)
        finish, outputs, note = endings.finish(endings.are_logits(way.scores.key, last), outputs)
    take = preprocessing.settle(path, found, wishes.said, needs_layers=False)
    sizes.check(path, take, height, width)
    with loading(path, "the whole folder"):
        # `run` holds a reference to this, as the signatures do not outlive it.
        loaded = tf.saved_model.load(str(path), tags=list(meta_graph.meta_info_def.tags))
        loaded.signatures[way.signature]  # fails if anything it needs was not loaded

    def run(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        if kind == np.uint8:
            pictures = np.rint(pictures).clip(0, 255)
        try:
            entry = tf.constant(pictures.astype(kind, copy=False))
            given = loaded.signatures[way.signature](**{way.pictures.key: entry})
        except (tf.errors.OpError, ValueError) as error:
            raise UserError(f"{path} cannot be run on pictures: {in_short(error)}") from None
        scores = finish(given[way.scores.key].numpy())
        return scores, None if way.bottlenecks is None else given[way.bottlenecks].numpy()

    return Model(
        path,
        take,
        outputs,
        record,
        unknown,
        lambda: run,
        batch or _BATCH,
        gives_bottlenecks=way.bottlenecks is not None,
        labels=None if record is None else tuple(record["labels"]),
        note=note and f"{path} {note}",
    )


def _own_files(path: Path) -> dict[str, bytes]:
    places = {RECORD: _EXTRA, LABELS: _ASSETS, UNKNOWN: _EXTRA}
    try:
        return {
            name: (path / place / name).read_bytes() for name, place in places.items() if (path / place / name).exists()
        }
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None


def _graph_for_serving(path: Path) -> MetaGraphDef:
    meta_graphs = saved_model_files.read(path, path / _FILE)
    for meta_graph in meta_graphs:
        if _TAG in meta_graph.meta_info_def.tags:
            return meta_graph
    if not meta_graphs:
        raise UserError(f"{path / _FILE} is empty or cut short: get the whole folder again")
    raise UserError(
        f"{path} holds no graph for serving (tagged {_TAG}), like a TensorFlow 1 Hub module: expected a classifier"
    )
