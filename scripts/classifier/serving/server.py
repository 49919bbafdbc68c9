"""Runs the service until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from ..errors import UserError
from ..formats.classifiers import Classifier
from . import app, service, telling, watching
from .access_log import Log
from .connections import Connection
from .door import Door
from .service import Service
from .tokens import Tokens

# Limits for idle connections, and for finishing after SIGTERM.
_IDLE_SECONDS, _STOP_SECONDS = 75, 60
_BACKLOG = 2048


@dataclass(frozen=True)
class Watched:
    """A classifier on disk, to be opened again when it changes."""

    path: Path
    labels: Path | None
    load: Callable[[], Classifier]
    tell_unknown: bool | None  # as the user chose; None where there was no choice
    seen: watching.Look  # taken before it was first opened


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Call this before loading the classifier, so that a port in use is noticed at once."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        taken = socket.socket(family)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
    except OSError as error:
        raise UserError(f"cannot listen on {host}:{port}: {error.strerror}; give another --host or --port") from None
    return taken


def run(
    taken: socket.socket,
    service_: Service,
    classifier: Classifier,
    watched: Watched | None,
    tokens: Tokens,
    log: Log,
    ready: Callable[[], None],
) -> None:
    """Serves on `taken` until SIGTERM or Ctrl-C, then answers all accepted requests and returns."""

    @contextlib.asynccontextmanager
    async def lifespan(_) -> AsyncIterator[None]:
        await service_.take(classifier)
        gc.freeze()  # all of this stays, and searching it for garbage would take half a second
        watch = None if watched is None else asyncio.create_task(_watch(watched, service_, log))
        taken.listen(_BACKLOG)  # uvicorn does so a moment later, but clients may connect once `ready` has been called
        ready()
        yield
        if watch is not None:
            watch.cancel()
        await service_.close()

    config = uvicorn.Config(
        Door(app.build(service_, tokens, lifespan), tokens, service_.metrics, log),
        http=Connection,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_STOP_SECONDS,
        proxy_headers=False,
        lifespan="on",
    )
    _Server(config, service_).run(sockets=[taken])


class _Server(uvicorn.Server):
    """Exits normally after a signal, where uvicorn would raise the signal again."""

    def __init__(self, config: uvicorn.Config, service_: Service):
        super().__init__(config)
        self._service = service_

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
        yield

    def handle_exit(self, sig, frame) -> None:
        self._service.stopping = True
        super().handle_exit(sig, frame)


async def _watch(watched: Watched, service_: Service, log: Log) -> None:
    """Puts a new classifier into service once it is completely written and has passed a check."""
    served = before = watched.seen
    while True:
        await asyncio.sleep(watching.SECONDS)
        try:
            now = await asyncio.to_thread(watching.look, watched.path, watched.labels)
            if now != served and now == before:
                served = now
                await service_.take(await asyncio.to_thread(_load, watched))
                about = telling.line(service_.current.classifier, watched.tell_unknown)
                log.event(f"version {service_.current.version} of {service_.name} is in service: {about}")
            before = now
        except Exception as error:  # whatever a bad graph does, a sound one must be noticed later
            service_.metrics.refused()
            log.event(f"error: the new graph was refused, the old one stays in service: {watching.in_words(error)}")


def _load(watched: Watched) -> Classifier:
    classifier = watched.load()
    service.check(classifier)
    return classifier
