"""Connections end: those that send headers without end, nothing, or empty lines, and those that do not listen."""

import contextlib
import resource
import socket
import time

import pytest

from tests.support.server import Server, serving

GET = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = b"POST /label HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"


@pytest.fixture(scope="module")
def server(retrained, small_graph):
    with serving(retrained, small_graph) as running:
        yield running


def connect(server: Server) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=20)


def answer_to(server: Server, start: bytes, piece: bytes, most: int) -> bytes:
    """Sends the start, then pieces until the server ends the connection; the first bytes of its answer."""
    with connect(server) as connection:
        sent = 0
        with contextlib.suppress(ConnectionError):
            connection.sendall(start)
            while sent < most:
                connection.sendall(piece)
                sent += len(piece)
                time.sleep(0.001)
        assert sent < most, "the server took all of it"
        with contextlib.suppress(ConnectionError):
            return connection.recv(100)
    return b""


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (GET, b"X-Small: 1\r\n" * 1000),
        (GET + b"X-Large: ", b"y" * 10_000),
        (b"GET /", b"z" * 10_000),
        (CHUNKED, b"X-Trailer: 1\r\n" * 1000),
        (b"", b"\r\n" * 5000),
    ],
    ids=["small", "large", "address", "trailers", "empty lines"],
)
def test_headers_without_end_are_cut_off(server, start, piece):
    before = server.resident_kb()
    assert answer_to(server, start, piece, 5_000_000)[:12] in (b"", b"HTTP/1.1 431", b"HTTP/1.1 400")
    assert server.resident_kb() - before < 5000


def test_long_headers_below_the_limit_are_taken(server):
    for size in (100, 15_000, 30_000, 60_000):
        assert server.get("/healthz", Cookie="c" * size).status == 200
    with connect(server) as connection:
        connection.sendall((GET + b"Cookie: " + b"c" * 7000 + b"\r\n\r\n") * 3)
        time.sleep(0.5)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_empty_lines_keep_no_connection_open(server):
    with connect(server) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = connection.recv(4096)
        assert answer.startswith(b"HTTP/1.1 200")
        while not answer.endswith(b"ok\n"):  # head and body may come apart
            answer += connection.recv(4096)
        connection.sendall(b"\r\n")
        assert connection.recv(4096) == b""  # within 20 seconds


def test_a_client_that_never_reads_does_not_hold_the_server(retrained, small_graph):
    with serving(retrained, small_graph) as server, connect(server) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(1)
        with contextlib.suppress(TimeoutError):
            for _ in range(3000):
                deaf.sendall((GET + b"\r\n") * 100)
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 25


def test_idle_connections_leave_room_for_others(retrained, small_graph):
    with serving(retrained, small_graph) as server, contextlib.ExitStack() as opened:
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (64, 64))
        for _ in range(100):
            opened.enter_context(connect(server))
            time.sleep(0.005)
        started = time.monotonic()
        assert server.get("/healthz").status == 200
        assert time.monotonic() - started < 5
