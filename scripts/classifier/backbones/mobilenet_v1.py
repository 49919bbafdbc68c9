"""Loads the 16 MobileNets of 2017 and their quantized versions from Google's archives of frozen graphs."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..errors import UserError
from ..graphs import frozen_graph
from .backbone import Backbone
from .entry import Entry
from .published_archives import read_member
from .sources import Source

WIDTHS = ("0.25", "0.50", "0.75", "1.0")
SIZES = (128, 160, 192, 224)

# The last pooled values. The original retrain used the 1001 ImageNet logits after them, which train no better.
POOLED = "MobilenetV1/Logits/AvgPool_1a/AvgPool"

# Google publishes no checksums. For archives missing here, the first download's is recorded, and later ones must match.
_SHA256 = {
    "0.25_128": "30af63cf9039861bc03f86c7b8092fab754d51b27f042830c456ddbfa2b72fce",
    "0.25_224": "1cddeede49eb35af36061aaa66bf643b81f7ea89abc85f6ffef8f0bf00891756",
}
_BYTES = {"0.25_128": 2_617_289, "0.25_224": 2_621_521}
# By width, estimated from the number of weights. An archive holds them twice: as float32, which gzip shrinks to 93 %,
# and with the large tensors in 8 bits, which it shrinks to 80 %. A test repeats the sum and checks it against _BYTES.
_ABOUT_MEGABYTES = {"0.25": 3, "0.50": 6, "0.75": 12, "1.0": 20}

NAMES = tuple(
    f"mobilenet_{width}_{size}{quantized}" for width in WIDTHS for size in SIZES for quantized in ("", "_quantized")
)


def source(name: str) -> Source:
    variant = _variant(name)
    file = f"mobilenet_v1_{variant}_frozen.tgz"
    return Source(
        url=f"http://download.tensorflow.org/models/{file}",
        file=file,
        sha256=_SHA256.get(variant),
        size=_BYTES.get(variant),
        about_megabytes=_ABOUT_MEGABYTES[variant.partition("_")[0]],
        estimated=variant not in _BYTES,
    )


def load(name: str, archive: Path) -> Backbone:
    variant = _variant(name)
    member = "quantized_graph.pb" if name.endswith("_quantized") else "frozen_graph.pb"
    data = read_member(archive, f"mobilenet_v1_{variant}/{member}")
    graph_def = frozen_graph.parse(data, f"{member} in {archive}")
    try:
        graph_def = frozen_graph.subgraph(graph_def, POOLED)
    except KeyError:
        raise UserError(f"{archive} holds another network: its {member} has no node {POOLED}") from None
    size, values = size_and_values(name)
    for node in graph_def.node:
        if node.name == "input":
            # Published with a batch size of 1; everything up to the pooling takes any.
            node.CopyFrom(frozen_graph.placeholder("input", [None, size, size, 3]))
    graph_def.node.append(frozen_graph.operation("bottleneck", "Squeeze", POOLED, squeeze_dims=[1, 2]))
    return Backbone(
        name=name,
        input_size=size,
        graph_def=frozen_graph.strip_to_tensorflow_1(graph_def),
        bottleneck_name="bottleneck",
        bottleneck_size=values,
        fingerprint=hashlib.sha256(data).hexdigest(),
    )


def size_and_values(name: str) -> tuple[int, int]:
    """The size of its pictures, and the length of its bottlenecks."""
    width, size = _variant(name).split("_")
    return int(size), round(1024 * float(width))


def _variant(name: str) -> str:
    return name.removeprefix("mobilenet_").removesuffix("_quantized")


def _entry(name: str) -> Entry:
    size, values = size_and_values(name)
    found = source(name)
    return Entry(
        name=name,
        input_size=size,
        values=values,
        source=found,
        load=lambda model_dir, _: load(name, found.within(model_dir)),
    )


FAMILY = tuple(map(_entry, NAMES))
