"""The common form of all pretrained networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..photos import fitting

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

# Every backbone's graph expects pixels from 0 to 255 scaled to (pixel - MEAN) / STD.
MEAN, STD = 128.0, 128.0


@dataclass(frozen=True)
class Backbone:
    """A frozen graph that turns each picture into one vector, the bottleneck.

    The graph starts at the placeholder `input`, [None, input_size, input_size, 3] float32 RGB scaled to
    (pixel - MEAN) / STD, and ends at the node `bottleneck_name`, [None, bottleneck_size] float32. It has no functions
    and no variables and, if possible, only operations that TensorFlow 1 can read.
    """

    name: str
    input_size: int
    graph_def: GraphDef
    bottleneck_name: str
    bottleneck_size: int
    # A sha256 over everything that determines the vectors, such as the weights.
    fingerprint: str
    # It needs enough arithmetic per picture for bfloat16 to be worth its lower precision.
    large: bool = False
    # Its constants were learnt, so fine-tuning can train them.
    learnt: bool = True
    # The number of views of each picture that the network looks at.
    views: int = 1
    # How photos become its square pictures, one of fitting.FITS.
    fit: str = fitting.SQUEEZE

    def describe(self) -> str:
        size = f"{self.input_size} x {self.input_size} pixels"
        return f"network {self.name}: {size}, {self.bottleneck_size:,} values per photo"
