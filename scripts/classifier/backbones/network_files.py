"""Loads networks from files: frozen graphs (.pb), Keras models (.keras, .h5) and PyTorch's DenseNet-161 (.pth)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from ..graphs import frozen_graph, interface, keras_description, keras_files, model_files, old_ops
from ..photos.preprocessing import RGB
from . import densenet161, frozen_backbones, kept_graphs, keras_graphs
from .backbone import Backbone
from .choices import ALL, Choices
from .entry import Loadable
from .frozen_backbones import Frozen
from .saved_modules import short_name
from .sources import digest

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef


def in_file(path: Path) -> Loadable:
    return Loadable(
        load=lambda model_dir, choices: load(path, model_dir, choices),
        heeds=densenet161.HEEDS if _is_of_pytorch(path) else ALL,
    )


def load(path: Path, model_dir: Path, choices: Choices) -> Backbone:
    try:
        content = digest(path)
        with path.open("rb") as file:
            start = file.read(model_files.HEAD)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    model_files.refuse_untrainable(start, path)
    name = short_name(path.stem)
    if _is_of_pytorch(path):
        return densenet161.load_file(name, path, model_dir, choices)
    is_keras = model_files.kind_of(start) is not None or path.suffix in (".keras", ".h5", ".hdf5")
    fingerprint = choices.of_file(content)
    if is_keras and not _was_misunderstood(keras_files.description(path)):
        fingerprint = choices.fingerprint(content)  # what earlier versions kept is right
    graph_def = kept_graphs.kept_or_made(
        model_dir / f"{name}.{fingerprint[:16]}.pb",
        lambda: _of_keras(path, choices) if is_keras else _of_graph(path, choices),
    )
    return frozen_backbones.backbone(name, graph_def, fingerprint)


def _was_misunderstood(described: dict) -> bool:
    """True if earlier versions took its scores for bottlenecks, or its colours for RGB."""
    return keras_description.pools_its_scores(described) or keras_description.channels(described) != RGB


def _is_of_pytorch(path: Path) -> bool:
    return path.suffix in (".pth", ".pt")


def _of_graph(path: Path, choices: Choices) -> GraphDef:
    """Finds the input, its size and the bottleneck from the graph alone, except for the user's choices."""
    graph_def = old_ops.modernise(frozen_graph.read(path))
    layer = choices.bottleneck_layer
    output = None if layer is None else frozen_backbones.node_named(layer, graph_def, path)
    found = interface.find(graph_def, output_layer=output)
    if found.input_layer is None:
        raise UserError(f"cannot tell where pictures enter {path}: expected one placeholder, [n, height, width, 3]")
    end = found.output_layer or interface.only_end(graph_def, found.input_layer)
    if end is None:
        raise UserError(f"cannot tell which node of {path} gives one vector a picture: name it with --bottleneck_layer")
    square = found.input_height if found.input_height == found.input_width else None
    frozen = Frozen(
        graph_def,
        found.input_layer,
        end,
        choices.prelude(found.input_mean, found.input_std, path, found.channels),
        choices.size(square, path),
    )
    return frozen_backbones.convert(frozen if layer else frozen_backbones.features(frozen, path), path)


def _of_keras(path: Path, choices: Choices) -> GraphDef:
    model, saved = keras_files.load(path)
    height, width, _ = keras_files.input_sizes(model, path)
    raw, channels = keras_description.takes_raw_pixels(saved.described), keras_description.channels(saved.described)
    prelude = choices.prelude(0.0 if raw else None, 1.0 if raw else None, path, channels)
    size = choices.size(height if height == width else None, path)
    if height not in (None, size) or width not in (None, size):
        raise UserError(
            f"{path} takes pictures of {height} x {width} pixels, expected {size} x {size}: change --input_size"
        )
    layer = choices.bottleneck_layer
    if layer is None and any(each.name == keras_files.BOTTLENECK for each in model.layers):
        layer = keras_files.BOTTLENECK  # Poets wrote this file
    frozen = keras_graphs.traced(model, prelude, size, layer, path)
    if layer is None:
        frozen = frozen_backbones.features(frozen, path, keras_graphs.layer_names(model))
    return frozen_backbones.convert(frozen, path)
