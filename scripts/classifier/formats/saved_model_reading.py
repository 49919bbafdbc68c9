"""Opens SavedModels: ours, and those from elsewhere that take prepared pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError, in_short
from ..graphs import allowed_ops, saved_model_files, tensor_sizes
from ..graphs.colour_range import usual_order
from ..graphs.saved_model_files import FILE, loading
from ..photos import preprocessing
from ..photos.preprocessing import Overrides, Preprocessing
from . import common_form, endings, sizes
from .contents import LABELS, RECORD, UNKNOWN, Contents, carried
from .model import Model, Wishes
from .saved_model_signatures import Way, choose, last_operation

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef

_TAG = "serve"
# TensorFlow copies assets along, and ignores the other folder.
_ASSETS, EXTRA = "assets", "assets.extra"

# Larger batches are no faster on two cores and only take memory.
_BATCH = 32


def open_model(path: Path, wishes: Wishes) -> Model:
    import tensorflow as tf

    known = _read(path, wishes.said, wishes.bottlenecks)
    way, record = known.way, known.record
    kind = np.dtype(way.pictures.kind)
    finish: endings.Scores = endings.as_they_are
    outputs, note = way.outputs(), None
    if record is None:
        finish, outputs, note = endings.finish(known.logits, outputs)
    loaded = known.load()  # `run` holds a reference to this, as the signatures do not outlive it

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
        known.take,
        outputs,
        record,
        known.unknown,
        lambda: run,
        way.sizes()[0] or _BATCH,
        gives_bottlenecks=way.bottlenecks is not None,
        labels=None if record is None else tuple(record["labels"]),
        note=note and f"{path} {note}",
    )


def read_contents(path: Path, said: Overrides, labels: tuple[str, ...], named: dict[str, str] | None) -> Contents:
    """The contents to write in another format."""
    import tensorflow as tf

    known = _read(path, said, with_bottlenecks=True)
    way, loaded = known.way, known.load()

    def run(pictures: tf.Tensor) -> list[tf.Tensor]:
        if way.pictures.kind == "uint8":
            pictures = tf.clip_by_value(tf.round(pictures), 0, 255)
        entry = tf.cast(pictures, way.pictures.kind)
        given = loaded.signatures[way.signature](**{way.pictures.key: entry})
        scores = given[way.scores.key]
        bottlenecks = [] if way.bottlenecks is None else [given[way.bottlenecks]]
        return [scores if known.record is not None else endings.finish_in_graph(scores, known.logits), *bottlenecks]

    network = common_form.Network(path, run, known.take, known.record, known.unknown)
    return common_form.contents(network, labels, named)


@dataclass(frozen=True)
class _Known:
    """A SavedModel, with what goes in and comes out."""

    path: Path
    tags: tuple[str, ...]
    way: Way
    take: Preprocessing
    record: dict | None
    unknown: bytes | None
    logits: bool

    def load(self) -> tf.Module:
        import tensorflow as tf

        with loading(self.path, "the whole folder"):
            loaded = tf.saved_model.load(str(self.path), tags=list(self.tags))
            # This fails if anything was not loaded.
            needed = loaded.signatures[self.way.signature].graph.as_graph_def()
            computed = list(tensor_sizes.of_functions(needed))
        tensor_sizes.refuse_large(computed, self.path)
        return loaded


def _read(path: Path, said: Overrides, with_bottlenecks: bool) -> _Known:
    meta_graph = _graph_for_serving(path)
    allowed_ops.refuse_in_saved_model(meta_graph, path)
    record, unknown = carried(_own_files(path), path)
    way = choose(meta_graph, path, with_bottlenecks and record is not None)
    _, height, width = way.sizes()
    logits = False
    if record is not None:
        found: dict = record["preprocessing"]
    else:
        found = {"input_height": height, "input_width": width, "channels": usual_order(way.pictures.key)}
        if way.pictures.kind == "uint8":
            found |= {"input_mean": 0.0, "input_std": 1.0}
        last = last_operation(meta_graph.graph_def, way.scores.name)
        logits = endings.are_logits(way.scores.key, last)
    take = preprocessing.settle(path, found, said, needs_layers=False)
    sizes.check(path, take, height, width)
    return _Known(path, tuple(meta_graph.meta_info_def.tags), way, take, record, unknown, logits)


def _own_files(path: Path) -> dict[str, bytes]:
    places = {RECORD: EXTRA, LABELS: _ASSETS, UNKNOWN: EXTRA}
    try:
        return {
            name: (path / place / name).read_bytes() for name, place in places.items() if (path / place / name).exists()
        }
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None


def _graph_for_serving(path: Path) -> MetaGraphDef:
    meta_graphs = saved_model_files.read(path, path / FILE)
    for meta_graph in meta_graphs:
        if _TAG in meta_graph.meta_info_def.tags:
            return meta_graph
    if not meta_graphs:
        raise UserError(f"{path / FILE} is empty or cut short: get the whole folder again")
    raise UserError(
        f"{path} holds no graph for serving (tagged {_TAG}), like a TensorFlow 1 Hub module: expected a classifier"
    )
