"""A real HTTP server on this machine that misbehaves on request."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Request:
    path: str
    headers: Message


@dataclass(frozen=True)
class File:
    """An answer that serves `body`, and in which way it goes wrong."""

    body: bytes
    ranges: bool = True
    etag: str | None = None
    last_modified: str | None = None
    drop_after: int | None = None  # the connection is closed after so many bytes of this answer
    stall_after: int | None = None  # nothing more is sent after so many, and the connection stays open
    length: bool = True  # whether Content-Length is sent
    chunk: int = 65536
    pause: float = 0.0  # after each chunk
    begin: int | None = None  # where a part begins, whatever was asked for
    content_range: str | None = None  # instead of the right one

    def send(self, handler: "Handler") -> None:
        start = self._start(handler.headers)
        if start is None:
            handler.send_response(200)
            start = 0
        elif start >= len(self.body):
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{len(self.body)}")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        else:
            handler.send_response(206)
            right = f"bytes {start}-{len(self.body) - 1}/{len(self.body)}"
            handler.send_header("Content-Range", self.content_range or right)
        if self.length:
            handler.send_header("Content-Length", str(len(self.body) - start))
        if self.etag is not None:
            handler.send_header("ETag", self.etag)
        if self.last_modified is not None:
            handler.send_header("Last-Modified", self.last_modified)
        handler.end_headers()
        limits = [limit for limit in (self.drop_after, self.stall_after) if limit is not None]
        body = self.body[start:][: min(limits, default=None)]
        for first in range(0, len(body), self.chunk):
            handler.wfile.write(body[first : first + self.chunk])
            time.sleep(self.pause)
        if self.stall_after is not None:
            handler.server.closing.wait()

    def _start(self, headers: Message) -> int | None:
        """Where the answer is asked to begin, if it is to be a part."""
        wanted = headers.get("Range")
        if wanted is None or not self.ranges:
            return None
        if headers.get("If-Range") not in (None, self.etag, self.last_modified):
            return None
        return self.begin if self.begin is not None else int(wanted.removeprefix("bytes=").removesuffix("-"))


@dataclass(frozen=True)
class Status:
    """An answer without a file."""

    code: int
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, handler: "Handler") -> None:
        handler.send_response(self.code)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()


@dataclass(frozen=True)
class Silence:
    """No answer at all."""

    def send(self, handler: "Handler") -> None:
        handler.server.closing.wait()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._answers: dict[str, list] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def script(self, path: str, *answers) -> str:
        """Gives the answers to requests of `path` in turn, the last one for ever. Returns the URL.

        A path may be a whole URL: that is how a proxy is asked.
        """
        self._answers[path] = list(answers)
        return path if "://" in path else self.address + path

    def ranges(self) -> list[str | None]:
        return [request.headers.get("Range") for request in self.requests]

    def next_answer(self, path: str):
        answers = self._answers.get(path, [Status(404)])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def handle_error(self, request, client_address) -> None:
        pass  # a client that goes away is what some tests are about


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.requests.append(Request(self.path, self.headers))
        self.close_connection = True
        self.server.next_answer(self.path).send(self)

    def do_CONNECT(self) -> None:
        """How a proxy is asked for an https address: recorded, and refused."""
        self.server.requests.append(Request(self.path, self.headers))
        self.close_connection = True
        self.send_error(403)

    def log_message(self, *args) -> None:
        pass


@contextlib.contextmanager
def running() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
