"""A real HTTP server on this machine that misbehaves on request."""

import contextlib
import ssl
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
    """A response with `body`, and what goes wrong with it."""

    body: bytes
    ranges: bool = True
    etag: str | None = None
    last_modified: str | None = None
    drop_after: int | None = None  # the connection closes after this many bytes
    stall_after: int | None = None  # nothing is sent after this many bytes, and the connection stays open
    length: bool = True  # send Content-Length
    chunk: int = 65536
    pause: float = 0.0  # after each chunk
    begin: int | None = None  # where the part begins, whatever was requested
    content_range: str | None = None  # replaces the right one

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
        """The requested start, if only a part is requested."""
        wanted = headers.get("Range")
        if wanted is None or not self.ranges:
            return None
        if headers.get("If-Range") not in (None, self.etag, self.last_modified):
            return None
        return self.begin if self.begin is not None else int(wanted.removeprefix("bytes=").removesuffix("-"))


@dataclass(frozen=True)
class Status:
    """A response without a file."""

    code: int
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, handler: "Handler") -> None:
        handler.send_response(self.code)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()


@dataclass(frozen=True)
class Raw:
    """An answer that breaks the rules: these bytes, then `piece` again and again, as often as the client reads it."""

    head: bytes
    piece: bytes = b""

    def send(self, handler: "Handler") -> None:
        handler.wfile.write(self.head)
        while self.piece and not handler.server.closing.is_set():
            handler.wfile.write(self.piece)


@dataclass(frozen=True)
class Silence:
    """No response at all."""

    def send(self, handler: "Handler") -> None:
        handler.server.closing.wait()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, context: ssl.SSLContext | None = None):
        super().__init__(("127.0.0.1", 0), Handler)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._answers: dict[str, list] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def script(self, path: str, *answers) -> str:
        """Sends these answers to requests for `path` in turn, repeating the last one. Returns the URL.

        For a proxy, the path is a whole URL.
        """
        self._answers[path] = list(answers)
        return path if "://" in path else self.address + path

    def ranges(self) -> list[str | None]:
        return [request.headers.get("Range") for request in self.requests]

    def next_answer(self, path: str):
        answers = self._answers.get(path, [Status(404)])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def handle_error(self, request, client_address) -> None:
        pass  # in some tests, clients go away


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.requests.append(Request(self.path, self.headers))
        self.close_connection = True
        self.server.next_answer(self.path).send(self)

    def do_CONNECT(self) -> None:
        """A client's request for an https address through a proxy: recorded, and refused."""
        self.server.requests.append(Request(self.path, self.headers))
        self.close_connection = True
        self.send_error(403)

    def log_message(self, *args) -> None:
        pass


@contextlib.contextmanager
def running(context: ssl.SSLContext | None = None) -> Iterator[Server]:
    """With a `context`, it speaks https."""
    server = Server(context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
