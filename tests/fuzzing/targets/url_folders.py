"""Listings of photos that a web server answers with, as --image_dir=http://... reads them."""

from __future__ import annotations

import functools
import http.server
import random
import threading
from pathlib import Path

from scripts.classifier.photos import folders, image_lists, url_folders

from ..target import Files, Target

_PAGES = ("index.html", "label.html")
_HEADERS = "headers"
_ROOT = "/photos"


class _Server(http.server.ThreadingHTTPServer):
    """Answers with the input's pages: that of the folder, that of each label, and bytes for anything else."""

    daemon_threads = True
    pages: dict[str, bytes]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{_ROOT}"

    def handle_error(self, request, client_address) -> None:
        pass  # the client may hang up on what makes no sense


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        inside = self.path.removeprefix(_ROOT).strip("/")
        listed = "/" not in inside and "." not in inside
        body = self.server.pages[_PAGES[bool(inside)]] if listed else b"\xff\xd8\xff a photo"
        self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n" % len(body))
        kind = b"text/html" if listed else b"image/jpeg"
        self.wfile.write(b"Content-Type: " + kind + b"\r\n" + self.server.pages[_HEADERS] + b"\r\n\r\n" + body)

    do_HEAD = do_GET

    def log_message(self, *args) -> None:
        pass


@functools.cache
def server() -> _Server:
    url_folders._FIRST_PAUSE_SECONDS = 0.0
    return _Server()


def _samples() -> list[Files]:
    index = '<a href="../">up</a> <a href="red/">red/</a> <a href="/photos/blue/">blue</a> <a href="?C=N">Name</a>'
    label = '<a href="a.jpg">a.jpg</a> <a href="%C3%A9%20b.jpg">é b.jpg</a> <a href="notes.txt">notes.txt</a>'
    stamps = ('ETag: "abc"', "Last-Modified: Fri, 27 Nov 2020 03:37:15 GMT")
    pages = {_PAGES[0]: index.encode(), _PAGES[1]: label.encode()}
    return [{**pages, _HEADERS: stamp.encode()} for stamp in stamps]


def _read(folder: Path) -> None:
    serving = server()
    serving.pages = {name: (folder / name).read_bytes() for name in (*_PAGES, _HEADERS)}
    place = folders.at(serving.url)
    lists = image_lists.scan(place, 10, 10)
    lists.warnings()
    for photo in lists.photos[:2]:
        folders.stamp(place, photo.path)
        try:
            folders.read(place, photo.path)
        except OSError as error:
            assert error.strerror


def _links(data: bytes, chance: random.Random) -> bytes | None:
    """A link added or an address changed."""
    places = ["../..", "/", "//", "http://", "http://[", "https://127.0.0.1:1/x/", "red", "red/red/", "%2e%2e/x.jpg"]
    places += ["%00.jpg", "%ff.jpg", "a.jpg#b", "a.jpg?b", "\n.jpg", "é.jpg", "a\x1b.jpg", "./a.jpg", "red//b.jpg"]
    places += [f"/photos/{'x' * 3000}.jpg", "red/" * 1200 + "a.jpg", "red", "red.jpg/a.jpg", "red/a.jpg/b.jpg"]
    if b"href" in data:
        return data + f'<a href="{chance.choice(places)}">x</a>'.encode()
    fields = ["Content-Length: -1", "Last-Modified: soon", "Last-Modified: 99999999999999999999", "ETag: é", "ETag:"]
    fields += ["Content-Encoding: gzip", "Location: /", "Date: x", "Last-Modified: Fri, 99 Nov 9999 99:99:99 GMT"]
    return data + b"\r\n" + chance.choice(fields).encode() if len(data) < 2000 else None


TARGET = Target("url_folders", _samples, _read, inputs=120, own=(_links,), imports=("fsspec", "aiohttp"))
