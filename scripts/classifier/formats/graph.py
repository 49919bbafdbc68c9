"""Opens frozen graphs (.pb): those that retrain writes, and those from TensorFlow 1."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..backbones.engine import PROCESSOR
from ..errors import UserError, in_short
from ..graphs import batch_lifting, colour_order, frozen_graph, old_ops, tensor_sizes, xnnpack
from ..graphs.interface import find
from ..photos import category_names, preprocessing
from ..photos.preprocessing import BGR, RGB, Overrides, Preprocessing
from ..training import run_record
from . import labels as labels_files
from .contents import Contents
from .model import Model, Run, Wishes

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

# Larger batches are no faster on two cores and only take memory.
_BATCH = 32

# With this many pictures it pays to convert a small graph for XNNPACK, which takes half a second. Large graphs
# run no faster there.
_MANY = 100
_LARGE_GRAPH_BYTES = 32 << 20

_BOTTLENECK = "bottleneck_tensor"  # its key in a record


@dataclass(frozen=True)
class _Known:
    """A graph, with what goes in and comes out."""

    graph_def: GraphDef
    take: Preprocessing
    bottleneck: str | None
    record: dict | None

    @property
    def views(self) -> int:
        """The network looks at this many views of each picture."""
        return 1 if self.record is None else self.record.get("backbone", {}).get("views", 1)


def open_model(path: Path, wishes: Wishes) -> Model:
    known = _read(path, wishes.said)
    graph_def, take, batch, note = known.graph_def, known.take, _BATCH // known.views, None
    if known.record is None:
        lifted = _lifted(known, path, try_out=wishes.pictures > 1)
        graph_def = lifted.graph_def
        if not lifted.batched and wishes.pictures > 1:
            batch, note = 1, f"{path} takes one picture at a time ({lifted.why_not}): many pictures take longer"
    _, output_layer = take.layers
    wanted = [output_layer]
    if wishes.bottlenecks and known.bottleneck is not None:
        wanted.append(known.bottleneck)
    open_runner, outputs = _session(graph_def, take, wanted, path)
    # Graphs without a record may hold operations that only TensorFlow has, such as those in 8 bits.
    one_core = known.record is not None and wishes.pictures >= _MANY and graph_def.ByteSize() < _LARGE_GRAPH_BYTES
    if one_core and (runner := _xnnpack(graph_def, take, wanted)) is not None:
        open_runner, batch = runner, 1
    else:
        one_core = False
    return Model(
        path,
        take,
        outputs,
        known.record,
        run_record.read_unknown(path, known.record),
        open_runner,
        batch,
        one_core,
        gives_bottlenecks=len(wanted) > 1,
        note=note,
    )


def read_contents(
    path: Path, said: Overrides, labels: tuple[str, ...], named: dict[str, str] | None = None
) -> Contents:
    """The contents to write in another format; `named` maps labels to their names, if they have any."""
    known = _read(path, said)
    graph_def = known.graph_def
    if known.record is None:
        graph_def = _lifted(known, path).graph_def
    unknown = run_record.read_unknown(path, known.record)
    record = category_names.recorded(known.record, named)
    return Contents(graph_def, known.take, known.bottleneck, labels, record, unknown)


def write(path: Path, contents: Contents) -> None:
    """Writes the graph, with the labels, the record and the data about unknown photos beside it, as retrain does."""
    # What is true of this graph alone comes from the contents.
    record = {name: value for name, value in contents.record.items() if name not in ("preprocessing", "labels")}
    if contents.bottleneck is None:
        record["backbone"] = {key: each for key, each in record.get("backbone", {}).items() if key != _BOTTLENECK}
    else:
        record["backbone"] = {**record.get("backbone", {}), _BOTTLENECK: contents.bottleneck}
    data = frozen_graph.serialised(contents.graph_def)
    written = run_record.Written(path, data, contents.labels, labels_files.path_beside(path))
    written.write(contents.preprocessing, record, contents.unknown)


def _read(path: Path, said: Overrides) -> _Known:
    """Settings come from the user, else from the record beside the graph, else from the graph itself."""
    graph_def, record = frozen_graph.read(path), run_record.read(path)
    if (gap := frozen_graph.gap(graph_def)) is not None:
        raise UserError(f"{path} is damaged: {gap}; get it or train it again")
    if record is not None:
        found, bottleneck = record["preprocessing"], record.get("backbone", {}).get(_BOTTLENECK)
    else:
        graph_def = old_ops.modernise(graph_def)
        interface = find(graph_def, said.input_layer, said.output_layer)
        found, bottleneck = vars(interface), interface.bottleneck
        # If the flag names the input for JPEG bytes, pictures go in after the nodes that decode them.
        said = replace(said, input_layer=interface.input_layer or said.input_layer)
    take = preprocessing.settle(path, found, said, needs_layers=True)
    _check_layers(graph_def, take, path)
    if take.channels == BGR:
        # So that every format exported from it takes RGB.
        graph_def, take = colour_order.turned_round(graph_def, take.layers[0]), replace(take, channels=RGB)
    return _Known(graph_def, take, bottleneck, record)


def _lifted(known: _Known, path: Path, try_out: bool = True) -> batch_lifting.Lifted:
    size = known.take.input_height, known.take.input_width
    return batch_lifting.lift_batch(known.graph_def, *known.take.layers, size, str(path), try_out=try_out)


def _check_layers(graph_def: GraphDef, take: Preprocessing, path: Path) -> None:
    names = {node.name for node in graph_def.node}
    for flag, layer in zip(("input_layer", "output_layer"), take.layers, strict=True):
        name = frozen_graph.node_of(layer)
        if name not in names:
            nearest = ", ".join(difflib.get_close_matches(name, names, n=3, cutoff=0))
            raise UserError(f"{path} has no node {name}: give the right one with --{flag} (the nearest are {nearest})")


def _session(
    graph_def: GraphDef, take: Preprocessing, wanted: list[str], path: Path
) -> tuple[Callable[[], Run], int | None]:
    """A runner on all cores, which starts faster than a traced function, and the number of outputs."""
    import tensorflow as tf

    input_layer, output_layer = take.layers
    names = [f"{frozen_graph.node_of(name)}:0" for name in (input_layer, *wanted)]
    with tf.Graph().as_default() as graph:
        try:
            entry, *exits = tf.graph_util.import_graph_def(graph_def, name="", return_elements=names)
        except (ValueError, tf.errors.OpError) as error:
            raise UserError(f"{path} is not a graph that TensorFlow can run: {in_short(error)}") from None
    tensor_sizes.refuse_large(tensor_sizes.of_graph(graph), path)
    height, width = take.input_height, take.input_width
    if not entry.shape.is_compatible_with([None, height, width, 3]):
        raise UserError(
            f"{path} does not take pictures of {height} x {width} pixels at {entry.name} but {entry.shape}: "
            "give the right --input_height and --input_width, or another --input_layer"
        )
    session = PROCESSOR.session(graph)

    def run(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        try:
            scores, *more = session.run(exits, {entry: pictures})
        except tf.errors.OpError as error:
            raise UserError(
                f"{path} cannot be run on pictures from {input_layer} to {output_layer}: {in_short(error.message)}"
            ) from None
        return scores, more[0] if more else None

    return lambda: run, exits[0].shape[-1] if exits[0].shape.rank else None


def _xnnpack(graph_def: GraphDef, take: Preprocessing, wanted: list[str]) -> Callable[[], Run] | None:
    """The fastest engine for small networks: one picture at a time on each core. None if it cannot run this one."""
    input_layer, _ = take.layers
    model = xnnpack.convert(graph_def, input_layer, wanted, take.input_height, take.input_width)
    if model is None:
        return None

    def open_runner() -> Run:
        run = xnnpack.runner(model)

        def run_one(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
            scores, *more = run(pictures)
            return scores, more[0] if more else None

        return run_one

    return open_runner
