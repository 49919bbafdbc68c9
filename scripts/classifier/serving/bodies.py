"""Reads the bodies of requests, within limits on size, time and memory."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from starlette.types import Receive, Scope

from .refusals import Refused, Vanished

MOST_BYTES = 20_000_000  # in one request
_MOST_BYTES_AT_ONCE = 300_000_000  # in all requests not answered yet
_MOST_SILENCE, _MOST_SECONDS = 10.0, 60.0
# A request up to this many times too large is read and thrown away: a client listens for the reason only once it has
# sent everything.
_DISCARDED = 10


class Bodies:
    def __init__(self):
        self._held = 0

    @asynccontextmanager
    async def read(self, scope: Scope, receive: Receive, most: int = MOST_BYTES) -> AsyncIterator[bytes]:
        """The whole body, counted as held until the request is answered. Raises Refused and Vanished."""
        headers = dict(scope["headers"])
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise Refused(415, "compressed requests are not supported: send it without Content-Encoding")
        told = int(headers.get(b"content-length", b"0"))  # the HTTP parser has refused anything but a number
        if told > most and (told > _DISCARDED * most or b"expect" in headers):
            raise _too_large(most, closing=True)
        pieces: list[bytes] = []
        total = 0
        try:
            async for piece in _pieces(receive):
                total += len(piece)
                if max(total, told) > most:
                    self._held -= sum(map(len, pieces))
                    pieces = []
                    if total > _DISCARDED * most:
                        raise _too_large(most, closing=True)
                    continue
                if self._held + len(piece) > _MOST_BYTES_AT_ONCE:
                    raise Refused(
                        503, "the server is receiving too much at once: try again", {"retry-after": "1"}, closing=True
                    )
                self._held += len(piece)
                pieces.append(piece)
            if total > most:
                raise _too_large(most)
            yield b"".join(pieces)
        finally:
            self._held -= sum(map(len, pieces))


def _too_large(most: int, closing: bool = False) -> Refused:
    if most < MOST_BYTES:
        reason = f"the request is larger than {most // 1000} kB, the most that is taken here"
    else:
        reason = f"the request is larger than {MOST_BYTES // 1_000_000} MB: send smaller pictures, or fewer at once"
    return Refused(413, reason, closing=closing)


async def _pieces(receive: Receive) -> AsyncIterator[bytes]:
    until = time.monotonic() + _MOST_SECONDS
    more = True
    while more:
        try:
            with anyio.fail_after(min(_MOST_SILENCE, max(until - time.monotonic(), 0))):
                message = await receive()
        except TimeoutError:
            limits = f"at most {_MOST_SILENCE:.0f} s of silence and {_MOST_SECONDS:.0f} s in all"
            raise Refused(408, f"the request took too long to arrive: {limits}", closing=True) from None
        if message["type"] == "http.disconnect":
            raise Vanished
        more = message.get("more_body", False)
        if message.get("body"):
            yield message["body"]
