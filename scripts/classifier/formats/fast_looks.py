"""Looks at pictures for heat maps on XNNPACK, which is faster than TensorFlow for small networks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from ..graphs import xnnpack
from ..graphs.last_maps import LastMaps
from ..graphs.wiring import port_of
from ..photos.preprocessing import Preprocessing

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef


class Fast:
    """Looks at pictures with XNNPACK, one by one. Converting a small graph for it pays with many pictures."""

    def __init__(self, model: bytes):
        self._model, self._own = model, threading.local()

    def look(self, pictures: np.ndarray) -> list[np.ndarray]:
        if not hasattr(self._own, "run"):
            self._own.run = xnnpack.runner(self._model)  # it belongs to one thread
        each = [self._own.run(picture[None]) for picture in pictures]
        # Rows of one view of all pictures come together, as in a batch.
        return [np.stack(rows, axis=1).reshape(-1, *rows[0].shape[1:]) for rows in zip(*each, strict=True)]


def of(graph_def: GraphDef, take: Preprocessing, found: LastMaps) -> Fast | None:
    """None if only TensorFlow can run it."""
    if any(port_of(each) for each in found.maps):
        return None
    entry, scores = take.layers
    model = xnnpack.convert(graph_def, entry, [scores, *found.maps], take.input_height, take.input_width)
    return None if model is None else Fast(model)
