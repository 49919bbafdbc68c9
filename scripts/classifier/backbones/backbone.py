"""What every pretrained network is turned into, however it was loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

# What every backbone's graph takes of pixels of 0 to 255: (pixel - MEAN) / STD, as the original's did.
MEAN, STD = 128.0, 128.0


@dataclass(frozen=True)
class Backbone:
    """A frozen graph from pixels to one vector a picture, the bottleneck.

    The graph starts at the placeholder `input`, [None, input_size, input_size, 3] float32 RGB as
    (pixel - MEAN) / STD, and holds nothing after the node `bottleneck_name`, [None, bottleneck_size]
    float32. It has no functions and no variables and uses, as far as that is possible, only what a
    TensorFlow-1 reader knows.
    """

    name: str
    input_size: int
    graph_def: GraphDef
    bottleneck_name: str
    bottleneck_size: int
    # sha256 of what the arithmetic consists of: other weights, another fingerprint.
    fingerprint: str
    # Whether one picture costs so much that bfloat16 arithmetic is worth its loss of digits.
    large: bool = False
    # Whether its constants were learnt, so that learning may go on with them.
    learnt: bool = True
    # How many pictures the network looks at for each that it is given.
    views: int = 1

    def describe(self) -> str:
        size = f"{self.input_size} x {self.input_size} pixels"
        return f"network {self.name}: {size}, {self.bottleneck_size:,} values a photo"
