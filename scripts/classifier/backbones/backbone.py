"""The form that every pretrained network takes, wherever it was loaded from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

# Every backbone's graph takes pixels from 0 to 255 as (pixel - MEAN) / STD, as the original's did.
MEAN, STD = 128.0, 128.0


@dataclass(frozen=True)
class Backbone:
    """A frozen graph from pixels to one vector a picture, the bottleneck.

    The graph starts at the placeholder `input`, [None, input_size, input_size, 3] float32 RGB as
    (pixel - MEAN) / STD, and holds nothing after the node `bottleneck_name`, [None, bottleneck_size]
    float32. It has no functions and no variables and, where possible, only operations that
    TensorFlow 1 can read.
    """

    name: str
    input_size: int
    graph_def: GraphDef
    bottleneck_name: str
    bottleneck_size: int
    # A sha256 over everything that determines the vectors: other weights, another fingerprint.
    fingerprint: str
    # One picture takes enough arithmetic for bfloat16 to be worth the lost digits.
    large: bool = False
    # Its constants were learnt, so they can be fine-tuned.
    learnt: bool = True
    # How many views of each picture the network looks at.
    views: int = 1

    def describe(self) -> str:
        size = f"{self.input_size} x {self.input_size} pixels"
        return f"network {self.name}: {size}, {self.bottleneck_size:,} values per photo"
