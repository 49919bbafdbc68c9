"""Turns a frozen graph into a Keras model of ordinary layers that can be loaded, trained and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import in_short
from ..graphs import folding, frozen_graph, keras_files
from ..graphs.frozen_graph import node_of
from ..graphs.wiring import kind_of
from ..photos.preprocessing import Preprocessing
from . import keras_layers
from .keras_stretches import INPUT, RESCALING, Stretch, Translation

if TYPE_CHECKING:
    import keras
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef


def translate(graph_def: GraphDef, take: Preprocessing, bottleneck: str | None) -> keras.Model:
    """A model from `pictures`, pixels of 0 to 255 as [N, height, width, 3], to scores.

    `take`, which names both of the graph's layers, says how the model's first layer prepares pixels. The layer
    "bottleneck" gives the values of the graph's node `bottleneck`.
    """
    import keras

    assert take.input_layer is not None and take.output_layer is not None, "both layers are named"
    entry, output = node_of(take.input_layer), node_of(take.output_layer)
    own = type(graph_def)()
    own.CopyFrom(graph_def)
    for node in own.node:
        if node.name == entry:
            node.CopyFrom(frozen_graph.placeholder(entry, [None, take.input_height, take.input_width, 3]))
    pictures = keras.Input((take.input_height, take.input_width, 3), name=INPUT)
    kept = None if bottleneck is None else folding.handed_on(own, node_of(bottleneck))
    folded = folding.fold_constants(own, output)
    translation = Translation(folded, output, kept)
    _prepare(translation, entry, pictures, take)
    for node in folded.node:
        if node.op != "Const" and node.name not in translation.tensors:
            _translate(translation, node)
    return keras.Model(pictures, translation.tensors[output], name="classifier")


def _prepare(translation: Translation, entry: str, pictures: keras.KerasTensor, take: Preprocessing) -> None:
    """One layer for the preprocessing and for any scaling and shifting that the graph starts with."""
    import keras

    stretch = Stretch(translation, translation.wiring.nodes[entry])
    found = stretch.absorb(1)
    scale = float(found.scale) / take.input_std
    shift = float(found.shift) - take.input_mean * float(found.scale) / take.input_std
    plain = (scale, shift) == (1, 0)
    prepared = pictures if plain else keras.layers.Rescaling(scale, shift, name=RESCALING)(pictures)
    for node in stretch.nodes:
        translation.tensors[node.name] = prepared


def _translate(translation: Translation, node: NodeDef) -> None:
    stretch = Stretch(translation, node)
    try:
        if (own := stretch.affine()) is not None:
            made = keras_layers.scaling(stretch, own)
        elif kind_of(node) in keras_layers.WAYS:
            made = keras_layers.WAYS[kind_of(node)](stretch)
        else:
            raise stretch.cannot()
        if stretch.is_bottleneck() and keras_files.BOTTLENECK not in translation.names:
            made = stretch.layer("Identity")(made)
    except ValueError as error:  # the Keras layer does not support it
        raise stretch.cannot(f" ({in_short(error)})") from None
    for each in stretch.nodes:
        translation.tensors[each.name] = made
