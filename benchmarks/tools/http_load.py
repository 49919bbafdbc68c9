"""Sends requests from many clients at once, cheaply, to leave the cores to the server."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from scripts.classifier.errors import UserError


@dataclass(frozen=True)
class Load:
    seconds: float  # total
    latencies: list[float]  # one per request


class _Client:
    """A persistent connection that carries one request after another."""

    def __init__(self, address: tuple[str, int]):
        self.socket = socket.create_connection(address)
        self.socket.setblocking(False)
        self.unsent, self.answer, self.started = memoryview(b""), bytearray(), 0.0

    def ask(self, request: bytes) -> None:
        self.started = time.perf_counter()
        self.unsent, self.answer = memoryview(request), bytearray()

    def send(self) -> None:
        self.unsent = self.unsent[self.socket.send(self.unsent) :]

    def receive(self) -> bool:
        """Returns True once the answer is complete."""
        self.answer += self.socket.recv(65536)
        head, end, body = bytes(self.answer).partition(b"\r\n\r\n")
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise UserError(f"the server answered {head.splitlines()[0].decode()}: expected 200")
        length = next(line for line in head.splitlines() if line.lower().startswith(b"content-length:"))
        return len(body) >= int(length.partition(b":")[2])


def request(path: str, kind: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def run(address: tuple[str, int], requests: Sequence[bytes], count: int, clients: int) -> Load:
    """Sends `count` requests, cycling through those given; each client waits for an answer before its next."""
    coming = islice(cycle(requests), count)
    latencies: list[float] = []
    everyone = [_Client(address) for _ in range(clients)]
    started = time.perf_counter()
    with selectors.DefaultSelector() as selector:
        for client, first in zip(everyone, coming, strict=False):
            client.ask(first)
            selector.register(client.socket, selectors.EVENT_WRITE, client)
        while len(latencies) < count:
            for key, events in selector.select():
                client = key.data
                if events & selectors.EVENT_WRITE:
                    client.send()
                    if not client.unsent:
                        selector.modify(client.socket, selectors.EVENT_READ, client)
                elif client.receive():
                    latencies.append(time.perf_counter() - client.started)
                    following = next(coming, None)
                    if following is None:
                        selector.unregister(client.socket)
                    else:
                        client.ask(following)
                        selector.modify(client.socket, selectors.EVENT_WRITE, client)
    seconds = time.perf_counter() - started
    for client in everyone:
        client.socket.close()
    return Load(seconds, latencies)
