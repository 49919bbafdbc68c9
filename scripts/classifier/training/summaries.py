"""Writes TensorBoard's event files."""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from .. import atomic_files
from ..drawing import confusion_matrix
from ..drawing.colours import PAPER
from ..drawing.lettering import Lettering
from ..errors import UserError, in_short
from .accuracy import Results
from .final_layer import Evaluation, FinalLayer

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

# Constants with more values than this are left out of the graph that TensorBoard shows, to keep event files small.
_LARGEST_CONSTANT_SHOWN = 64

# How far TensorBoard may lag behind a running training.
_SECONDS_BETWEEN_FLUSHES = 2.0

# Names of event files start with this. TensorBoard reads those of a folder in the order of their names.
EVENT_FILE = "events.out.tfevents."
_FILE_VERSION = "brain.Event:2"
_FONT, _MARGIN, _NARROWEST_TITLE = 16, 12, 400  # pixels, of titles above pictures
# Names of event files that hold only a graph end with this.
_GRAPH_ALONE = ".graph"


def write_graph(folder: Path, graph_def: GraphDef) -> Path:
    """Writes an event file with only a graph. It replaces the last such file; other event files stay."""
    from tensorboard.summary.writer.record_writer import RecordWriter

    data = io.BytesIO()
    records = RecordWriter(data)
    records.write(_event(0, file_version=_FILE_VERSION))
    records.write(_event(0, graph_def=_without_large_constants(graph_def).SerializeToString(deterministic=True)))
    path = folder / f"{_event_file_name()}{_GRAPH_ALONE}"
    # Each name is new, so writing does not find what a killed process left.
    atomic_files.clear(folder, rf"{re.escape(EVENT_FILE)}.*{re.escape(_GRAPH_ALONE)}")
    atomic_files.write_bytes(path, data.getvalue())
    for old in folder.glob(f"{EVENT_FILE}*{_GRAPH_ALONE}"):
        if old != path:
            old.unlink(missing_ok=True)
    return path


class Summaries:
    """The event files of one training, in a folder's train/, validation/ and test/. Earlier ones there are deleted."""

    def __init__(self, folder: Path):
        _import_all()
        self._test_folder = folder / "test"
        try:
            _empty(self._test_folder)
            self._train, self._validation = (_EventFile(folder / name) for name in ("train", "validation"))
        except OSError as error:
            raise _failure(folder, error.strerror) from None

    def graph(self, graph_def: GraphDef) -> None:
        self._train.write(0, graph_def=_without_large_constants(graph_def).SerializeToString(deterministic=True))

    def evaluations(self, evaluations: list[Evaluation]) -> None:
        for at in evaluations:
            self._train.scalars(at.step, accuracy=at.accuracy, cross_entropy=at.cross_entropy)
            if at.validation_accuracy is not None and at.validation_cross_entropy is not None:
                self._validation.scalars(
                    at.step, accuracy=at.validation_accuracy, cross_entropy=at.validation_cross_entropy
                )

    def layer(self, layer: FinalLayer, step: int) -> None:
        """Histograms, mean, stddev, min and max of weights and biases, named as in the original retrain."""
        from tensorboard.plugins.histogram.summary_v2 import histogram_pb

        scopes = [f"hidden_{number}/" for number in range(1, len(layer.hidden) + 1)] + [""]
        names = [f"{scope}{name}" for scope in scopes for name in ("weights", "biases")]
        for name, values in zip(names, layer.arrays, strict=True):
            prefix = f"final_training_ops/{name}/summaries"
            measures = {"mean": values.mean(), "stddev": values.std(), "min": values.min(), "max": values.max()}
            self._train.scalars(step, **{f"{prefix}/{measure}": value for measure, value in measures.items()})
            self._train.write(step, summary=histogram_pb(f"{prefix}/histogram", values))

    def confusion(self, results: Results, labels: tuple[str, ...], step: int, which: str) -> None:
        """The confusion matrix of the `which` photos as a picture, in TensorBoard's run for them."""
        if not results.total:
            return
        title = (
            f"{which} photos: {results.right} of {results.total} right ({100 * results.right / results.total:.1f} %)"
        )
        matrix = confusion_matrix.draw(results.confusion, labels)
        tag = f"confusion matrix of the {which} photos"
        if which == "validation":
            self._validation.picture(step, tag, _titled(title, matrix), title)
            return
        with contextlib.closing(_EventFile(self._test_folder)) as test:
            test.picture(step, tag, _titled(title, matrix), title)

    def close(self) -> None:
        self._train.close()
        self._validation.close()


def _failure(place: Path, why: object) -> UserError:
    return UserError(f"cannot write to {place}: {why}; free some space or give another --summaries_dir")


def _import_all() -> None:
    """Imports now what is needed later: a Ctrl-C in the middle of an import would leave it half done."""
    import tensorboard.compat.proto.event_pb2
    import tensorboard.compat.proto.summary_pb2
    import tensorboard.plugins.histogram.summary_v2
    import tensorboard.plugins.image.metadata
    import tensorboard.plugins.scalar.summary_v2
    import tensorboard.util.tensor_util  # noqa: F401


class _EventFile:
    """A file of records, each an Event. tf.summary writes the same at a tenth of the speed."""

    def __init__(self, folder: Path):
        import tensorflow as tf

        _empty(folder)
        self._path = path = folder / _event_file_name()
        path.touch()  # fails with OSError, unlike TensorFlow's writer
        self._writer = tf.io.TFRecordWriter(os.fspath(path))
        self._flushed = time.monotonic()
        self.write(0, file_version=_FILE_VERSION)

    def scalars(self, step: int, **values: float) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb

        together = Summary()
        for tag, value in values.items():
            together.value.extend(scalar_pb(tag, value).value)
        self.write(step, summary=together)

    def picture(self, step: int, tag: str, image: Image.Image, description: str) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.image.metadata import create_summary_metadata
        from tensorboard.util.tensor_util import make_tensor_proto

        png = io.BytesIO()
        image.save(png, "PNG")
        summary = Summary()
        summary.value.add(
            tag=tag,
            metadata=create_summary_metadata(display_name=None, description=description),
            tensor=make_tensor_proto(np.array([str(image.width), str(image.height), png.getvalue()], object)),
        )
        self.write(step, summary=summary)

    def write(self, step: int, **content) -> None:
        with self._told_in_a_line():
            self._writer.write(_event(step, **content))
            if time.monotonic() - self._flushed > _SECONDS_BETWEEN_FLUSHES:
                self._writer.flush()
                self._flushed = time.monotonic()

    def close(self) -> None:
        with self._told_in_a_line():
            self._writer.close()

    @contextlib.contextmanager
    def _told_in_a_line(self) -> Iterator[None]:
        """TensorFlow has errors of its own for a full disk."""
        import tensorflow as tf

        try:
            yield
        except tf.errors.OpError as error:
            raise _failure(self._path, in_short(error.message)) from None


def _empty(folder: Path) -> None:
    """Makes the folder, or removes an earlier training's event files from it, and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{EVENT_FILE}*"):
        old.unlink()


def _titled(title: str, image: Image.Image) -> Image.Image:
    """The picture with a title above it."""
    font = Lettering(title, _FONT)
    lines = font.wrap(title, max(image.width, _NARROWEST_TITLE) - 2 * _MARGIN)
    top = _MARGIN + len(lines) * font.height
    width = max(image.width, *(int(font.width(line)) + 2 * _MARGIN for line in lines))
    whole = Image.new("RGB", (width, top + image.height), PAPER)
    for number, line in enumerate(lines):
        font.write(ImageDraw.Draw(whole), _MARGIN, _MARGIN // 2 + number * font.height, line, "black")
    whole.paste(image, (0, top))
    return whole


def _event(step: int, **content) -> bytes:
    from tensorboard.compat.proto.event_pb2 import Event

    return Event(step=step, wall_time=time.time(), **content).SerializeToString()


def _event_file_name() -> str:
    return f"{EVENT_FILE}{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}"


def _without_large_constants(graph_def: GraphDef) -> GraphDef:
    """A copy in which large constants keep only their shapes."""
    shown = type(graph_def)()
    shown.CopyFrom(graph_def)
    for node in itertools.chain(shown.node, *(function.node_def for function in shown.library.function)):
        if node.op == "Const":
            tensor = node.attr["value"].tensor
            if math.prod(dim.size for dim in tensor.tensor_shape.dim) > _LARGEST_CONSTANT_SHOWN:
                node.attr["value"].tensor.CopyFrom(type(tensor)(dtype=tensor.dtype, tensor_shape=tensor.tensor_shape))
    return shown
