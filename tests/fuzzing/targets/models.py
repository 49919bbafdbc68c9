"""Classifiers in every format, as label_image opens them and lets them look at a picture."""

from __future__ import annotations

import hashlib
import importlib
import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from scripts.classifier.formats import kinds, labels
from scripts.classifier.formats.classifiers import Classifier
from scripts.classifier.formats.contents import Contents
from scripts.classifier.formats.model import Wishes
from scripts.classifier.graphs import frozen_graph
from scripts.classifier.photos.preprocessing import Overrides
from tests.support import small_classifiers

from .. import binary, structured
from ..target import Files, Mutation, Target

# Models may take half of the free memory; within the address space that inputs get here, that is any.
_MEGABYTES = 3500
_SECONDS = 60.0  # TensorFlow and Keras load their own libraries at first use
_LABELS = {"model_labels.txt": "".join(f"{label}\n" for label in small_classifiers.LABELS).encode()}
_NAME = "model"


def _read(folder: Path) -> None:
    """Not tried in another process before: here is one already, and its end is to be seen."""
    (path,) = (each for each in folder.iterdir() if each.stem == _NAME and each.suffix != ".json")
    opener = importlib.import_module(f"scripts.classifier.formats.{kinds.FORMATS[kinds.kind_of(path)].module}")
    model = opener.open_model(path, Wishes(Overrides(input_mean=127.5, input_std=127.5)))
    classifier = Classifier(model, labels.find(model, None)[0], None)
    take = model.preprocessing
    picture = np.ones((1, take.input_height, take.input_width, 3), np.float32)
    (answer,) = classifier.answers(model.open_runner(), picture)
    assert len(answer.scores) == len(classifier.labels)


def _files(ending: str, write: Callable[[Path], None]) -> Files:
    """What `write` makes of a path: a file, or the files of a folder."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{_NAME}{ending}"
        write(path)
        files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
        return {str(each.relative_to(folder)): each.read_bytes() for each in files} | _LABELS


def _exported(kind: str) -> Files:
    return _files(kinds.WRITTEN[kind], lambda path: _write(kind, path, _network("keras_network", (4,))))


def _network(name: str, hidden: tuple[int, ...] = ()) -> Contents:
    with tempfile.TemporaryDirectory() as folder:
        return small_classifiers.contents(small_classifiers.backbone(name, Path(folder)), hidden)


def _write(kind: str, path: Path, contents: Contents) -> None:
    kinds.write(kind, path, contents)


def _graphs() -> list[Files]:
    made = [_network(name).graph_def for name in ("color_texture", "keras_network")]
    files = [_files(".pb", lambda path, of=each: frozen_graph.write(of, path)) for each in (*made, _branching())]
    record = {
        "graph_sha256": "",
        "labels": list(small_classifiers.LABELS),
        "preprocessing": {
            **{"input_height": 32, "input_width": 32, "input_mean": 128.0, "input_std": 128.0},
            **{"input_layer": "input", "output_layer": "final_result"},
        },
    }
    return [*files, _sealed({**files[1], f"{_NAME}.json": json.dumps(record).encode()})]


def _branching():
    """Without a record, and with control flow."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        entry = tf.compat.v1.placeholder(tf.float32, [None, 8, 8, 3], name="input")
        means = tf.reduce_mean(entry, [1, 2])
        grown = tf.while_loop(lambda at, x: at < 3, lambda at, x: (at + 1, x * 1.5), [tf.constant(0), means])[1]
        turned = tf.cond(tf.reduce_sum(grown) > 0, lambda: grown, lambda: -grown)
        tf.nn.softmax(turned, name="final_result")
    return graph.as_graph_def()


def _sealed(files: Files) -> Files:
    """The record names the graph's checksum."""
    record = files.get(f"{_NAME}.json")
    try:
        found = json.loads(record or b"")
        found["graph_sha256"] = hashlib.sha256(files[f"{_NAME}.pb"]).hexdigest()
        return {**files, f"{_NAME}.json": json.dumps(found).encode()}
    except (ValueError, TypeError, IndexError, RecursionError):  # no record, or one damaged beyond that
        return files


def _keras(ending: str, kind: str) -> list[Files]:
    """Ours and one as Keras writes it."""
    return [_exported(kind), _files(ending, _save_plain)]


def _save_plain(path: Path) -> None:
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Rescaling(1 / 127.5, -1),
            layers.Conv2D(4, 3, activation="relu", padding="same"),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(3),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.2),
            layers.Dense(3, "softmax"),
        ]
    )
    model.save(path)


def _target(kind: str, samples: Callable[[], list[Files]], inputs: int, *own: Mutation, **more) -> Target:
    known = {"seconds": _SECONDS, "megabytes": _MEGABYTES, "spared": frozenset(_LABELS), "imports": ("tensorflow",)}
    return Target(kind, samples, _read, inputs, own, **{**known, **more})


def _files_behind(data: bytes, chance: random.Random) -> bytes | None:
    """The zip with our files, which stands behind a LiteRT model."""
    at = data.find(b"PK\x03\x04")
    changed = _ZIPPED(data[at:], chance) if at > 0 else None
    return None if changed is None else data[:at] + changed


_ZIPPED = structured.zip_members((structured.json_values,))
_IN_HDF5 = binary.hdf5_contents("model_config")

TARGETS = (
    _target("graph", _graphs, 60, binary.protobuf_fields, structured.json_values, seal=_sealed),
    _target("saved_model", lambda: [_exported(kinds.SAVED_MODEL)], 5, binary.protobuf_fields, structured.json_values),
    _target("h5", lambda: _keras(".h5", kinds.H5), 6, _IN_HDF5),
    _target(
        "keras",
        lambda: _keras(".keras", kinds.KERAS),
        6,
        structured.zip_members((structured.json_values, _IN_HDF5)),
    ),
    _target("tflite", lambda: [_exported(kinds.TFLITE)], 250, binary.flatbuffer_numbers, _files_behind),
    _target(
        "onnx",
        lambda: [_exported(kinds.ONNX)],
        200,
        binary.protobuf_fields,
        imports=("tensorflow", "tf2onnx", "onnx", "onnxruntime"),
    ),
)
