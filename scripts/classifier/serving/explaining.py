"""Draws on request what in a picture spoke for a label."""

from __future__ import annotations

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..drawing import heat
from ..formats import heat_maps
from ..formats.classifiers import Classifier
from ..formats.heat_maps import HeatMaps
from ..photos.preprocessing import Overrides
from .batches import Batches

# The longer side of the picture that is drawn, in pixels: about as large as the page shows it.
_SIDE = 480
_QUALITY = 85


class Explaining:
    """One picture at a time, since each uses all cores. Others wait, and count as waiting beside those to be labelled.

    Only for the thread of the event loop that made it, except `close`, which blocks.
    """

    def __init__(self, maps: HeatMaps, batches: Batches):
        self._maps, self._batches = maps, batches
        self._loop = asyncio.get_running_loop()
        self._pool = ThreadPoolExecutor(1)

    async def explain(self, picture: bytes, label: int | None) -> bytes:
        """A JPEG of the photo with what spoke for this label, or for its first. Raises Full and UnreadableImage."""
        self._batches.accept(1)
        work = self._pool.submit(self._drawn, picture, label)
        # If the client has gone, it is dropped unless it has begun; what has begun waits until it is done.
        work.add_done_callback(lambda _: self._loop.call_soon_threadsafe(self._batches.release, 1))
        return await asyncio.wrap_future(work)

    def close(self) -> None:
        """Waits until everything accepted is answered."""
        self._pool.shutdown()

    def _drawn(self, picture: bytes, label: int | None) -> bytes:
        with self._batches.room.admission() as admit:
            (shown,) = self._maps.explain([picture], [[label]], _SIDE, admit)
        jpeg = io.BytesIO()
        drawn = heat.overlay(shown.photo, shown.heats[0], shown.seen, heat.most(shown.heats))
        drawn.save(jpeg, "JPEG", quality=_QUALITY)
        return jpeg.getvalue()


def open_maps(classifier: Classifier, said: Overrides) -> HeatMaps:
    """Raises a UserError if this classifier can have none. Runs a blank picture, which takes the slow first run out."""
    maps = heat_maps.open_for(classifier, said, many=True)
    take = maps.preprocessing
    maps.of(maps.look(np.zeros((1, take.input_height, take.input_width, 3), np.float32)), [0])
    return maps
