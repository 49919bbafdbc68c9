"""One client's connection: how long its headers may be, and how long it may be silent, idle or not listening."""

from __future__ import annotations

import asyncio
import functools
import os
import resource
import sys
import time
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Headers may take this many bytes and seconds. Browsers and proxies send a few kB, and allow 8 to 64 kB themselves.
_HEAD_BYTES, _HEAD_SECONDS = 64_000, 10

# Bytes given to the parser at once while headers are expected; what it makes of them is known only afterwards.
_PIECE = 16_000

# Of a request that was answered early, such as one without a token, the rest may take this long to arrive.
_REST_SECONDS = 60

# A client that takes nothing of its answer for this long has gone or means harm.
_DEAF_SECONDS = 10

# File descriptors kept for other things than connections, such as a new graph or a picture's decoder.
_SPARE_FILES = 16
_FEWEST_CONNECTIONS = 8

_TOO_LONG = b"the headers are longer than %d kB\n" % (_HEAD_BYTES // 1000)


class Connection(HttpToolsProtocol):
    _patience: asyncio.TimerHandle | None = None  # until headers must have come
    _listening: asyncio.TimerHandle | None = None  # until the client must have taken some of its answer
    _not_body = 0  # bytes of the request, or before it, that are not its body
    _progressed = False  # a request began, or some of its body came
    _in_message = False  # from its first byte to its last
    _heard = 0.0  # when it last sent something

    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        self._heard = time.monotonic()
        self._wait(_HEAD_SECONDS)
        if len(self.connections) > _most_connections():
            _longest_idle(self.connections).transport.close()

    def data_received(self, data: bytes) -> None:
        self._heard = time.monotonic()
        at = 0
        while at < len(data) and not self.transport.is_closing():
            piece = data[at : at + _PIECE]
            at += len(piece)
            self._progressed = False
            super().data_received(piece)
            self._not_body = 0 if self._progressed else self._not_body + len(piece)
            if self._not_body > _HEAD_BYTES:
                self._refuse_head()
        if self.is_idle and self._patience is None:
            # What came was the rest of an answered request, or empty lines before the next; it stopped uvicorn's clock.
            self._wait(_REST_SECONDS if self._in_message else _HEAD_SECONDS)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._progressed = self._in_message = True
        self._wait(_HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._progressed = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_message = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._stay_only_while_heard()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stay_only_while_heard()

    def shutdown(self) -> None:
        super().shutdown()
        self._stay_only_while_heard()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        if self._listening is not None:
            self._listening.cancel()
        super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        """True if no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def heard(self) -> float:
        return self._heard

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._patience = self.loop.call_later(seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _refuse_head(self) -> None:
        if self.is_idle:
            self.transport.write(
                b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-type: text/plain\r\n"
                b"content-length: %d\r\n\r\n%s" % (len(_TOO_LONG), _TOO_LONG)
            )
        self.transport.close()

    def _stay_only_while_heard(self) -> None:
        """Ends the connection if nothing that was written leaves for _DEAF_SECONDS."""
        if self._listening is None and (left := self.transport.get_write_buffer_size()):
            self._listening = self.loop.call_later(_DEAF_SECONDS, self._check_heard, left)

    def _check_heard(self, before: int) -> None:
        self._listening = None
        if self.transport.get_write_buffer_size() >= before:
            self.transport.abort()
        else:
            self._stay_only_while_heard()


def _longest_idle(connections: Iterable[Any]) -> Connection:
    """The connection to close when there are too many: an idle one, else whichever was silent longest."""
    open_ = [each for each in connections if not each.transport.is_closing()]
    return min(open_, key=lambda each: (not each.is_idle, each.heard))


@functools.cache
def _most_connections() -> int:
    """As many as leave descriptors for other things; counted when the first client comes."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return sys.maxsize
    return max(most - len(os.listdir("/dev/fd")) - _SPARE_FILES, _FEWEST_CONNECTIONS)
