"""Loads the Inception of December 2015, the default of the original retrain, from Google's archive."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from ..graphs import batch_lifting, folding, frozen_graph, interface, old_ops
from ..graphs.wiring import value
from .backbone import MEAN, STD, Backbone
from .entry import Entry
from .published_archives import read_member
from .sources import Source

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

NAME = "inception_2015"
INPUT_SIZE = 299
BOTTLENECK_SIZE = 2048
BOTTLENECK = "pool_3/_reshape"

# Google publishes no checksum: the first download's is recorded, and later ones must match it.
SOURCE = Source(
    url="http://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz",
    file="inception-2015-12-05.tgz",
    about_megabytes=89,  # the original retrain reported 88,931,400 bytes
)

_MEMBER = "classify_image_graph_def.pb"


def load(archive: Path) -> Backbone:
    data = read_member(archive, _MEMBER)
    graph_def = _from_pixels_to_bottleneck(frozen_graph.parse(data, f"{_MEMBER} in {archive}"), archive)
    return Backbone(
        name=NAME,
        input_size=INPUT_SIZE,
        graph_def=graph_def,
        bottleneck_name=BOTTLENECK,
        bottleneck_size=_values(graph_def),
        fingerprint=hashlib.sha256(data).hexdigest(),
        large=True,
    )


def _values(graph_def: GraphDef) -> int:
    nodes = {node.name: node for node in graph_def.node}
    sizes = value(nodes[BOTTLENECK].input[1], nodes)
    assert sizes is not None  # lifting the batch has made them constant
    return int(sizes[-1])


def _from_pixels_to_bottleneck(graph_def: GraphDef, archive: Path) -> GraphDef:
    """For any number of pictures, with the batch norms of 2015 folded into the convolutions."""
    graph_def = old_ops.modernise(graph_def)
    found = interface.find(graph_def, output_layer=BOTTLENECK)
    taken = (found.input_height, found.input_width, found.input_mean, found.input_std)
    entry = found.input_layer
    if entry is None or found.bottleneck != BOTTLENECK or taken != (INPUT_SIZE, INPUT_SIZE, MEAN, STD):
        raise UserError(
            f"{archive} holds another network: expected its {_MEMBER} to turn pictures of {INPUT_SIZE} x {INPUT_SIZE} "
            f"pixels, as (pixel - 128) / 128, into {BOTTLENECK}; delete it to download it again"
        )
    lifted = batch_lifting.lift_batch(graph_def, entry, BOTTLENECK, origin=archive, try_out=False)
    if not lifted.batched:
        raise UserError(f"{archive} holds another network: {lifted.why_not}; delete it to download it again")
    folded = folding.fold_constants(lifted.graph_def, BOTTLENECK)
    folded = folding.fold_scales_into_convolutions(folded)
    for node in folded.node:
        if node.name == entry:
            node.name = "input"
        node.input[:] = ["input" if source == entry else source for source in node.input]
    return frozen_graph.strip_to_tensorflow_1(folded)


FAMILY = (
    Entry(
        name=NAME,
        input_size=INPUT_SIZE,
        values=BOTTLENECK_SIZE,
        source=SOURCE,
        load=lambda model_dir, _: load(SOURCE.within(model_dir)),
    ),
)
