"""Writes SavedModels, the folders that TensorFlow Serving and most TensorFlow tools take."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .. import atomic_files
from ..errors import UserError, in_short
from ..graphs import saved_model_files
from ..graphs.frozen_graph import placeholder
from . import raw_pixels, saved_model_reading, tensorflow_pixels
from .contents import LABELS, Contents
from .raw_pixels import SCORES
from .saved_model_signatures import (
    CLASSES,
    CLASSIFY,
    IMAGE_BYTES,
    PIXELS,
    SERVING,
    WITH_BOTTLENECKS,
)

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.core.framework.graph_pb2 import GraphDef

_FILE = saved_model_files.FILE
# Marks a signature for classifying in TensorFlow Serving.
_CLASSIFY_METHOD = "tensorflow/serving/classify"
# Constants with at least this many values become variables, which are stored once for all signatures and load fast.
_WEIGHTS = 1024

open_model, read_contents = saved_model_reading.open_model, saved_model_reading.read_contents


def write(path: Path, contents: Contents) -> None:
    """Writes a SavedModel that takes encoded pictures, and pixels of 0 to 255. It replaces nothing but a SavedModel."""
    check(path)
    files = contents.files(raw_pixels.taken(contents.preprocessing))
    try:
        with atomic_files.folder(path.with_name(f".{path.name}.writing")) as unfinished:
            labels, whole = unfinished / LABELS, unfinished / "whole"
            labels.write_bytes(files.pop(LABELS))
            _save(contents, labels, whole)
            (whole / saved_model_reading.EXTRA).mkdir()
            for name, data in files.items():
                (whole / saved_model_reading.EXTRA / name).write_bytes(data)
            atomic_files.replace(whole, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; choose a place that can be written") from None


def check(path: Path) -> None:
    """Fails before long work if `write` would fail after it."""
    if path.exists() and not (path / _FILE).exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{path} exists and is not a SavedModel: choose another place or move it away")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass  # the result is renamed into this folder; the file has no name, so that a kill leaves nothing
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
        raise OSError(None, _reason(error.message)) from None
    _name_the_method(folder)


def _reason(message: str) -> str:
    """Without the operation and its file, which come before: {{...}} FILE; No space left on device [Op:SaveV2]"""
    return in_short(re.sub(r" \[Op:\w+\]$", "", message.rpartition("; ")[2]))


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
