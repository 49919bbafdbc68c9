"""Bounds the pixels that are decoded, in one picture and in all decoders together."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..photos.decoding.unreadable import Admit, too_large

# A pixel takes up to 16 bytes while it is decoded, turned upright and put on white: 1.6 GB for all.
_MOST_AT_ONCE = 100_000_000


class Room:
    """For several threads. `most` is the number of pixels that one picture may have."""

    def __init__(self, most: int):
        self._most, self._all = most, max(most, _MOST_AT_ONCE)
        self._left = self._all
        self._changed = threading.Condition()

    @contextmanager
    def admission(self) -> Iterator[Admit]:
        """Gives what a decoder calls with a picture's size before it decodes it; it waits until there is room."""
        held = 0

        def admit(width: int, height: int, times: int = 1) -> None:
            nonlocal held
            if width * height > self._most:
                raise too_large(width, height, self._most)
            wanted = min(width * height * times, self._all)
            with self._changed:
                self._changed.wait_for(lambda: wanted <= self._left)
                self._left -= wanted
                held += wanted

        try:
            yield admit
        finally:
            with self._changed:
                self._left += held
                self._changed.notify_all()
