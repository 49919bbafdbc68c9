"""Requests to the server: JSON, forms, pictures, addresses, cookies and other headers."""

from __future__ import annotations

import asyncio
import base64
import functools
import io
import json
import random
import urllib.parse
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
from PIL import Image

from scripts.classifier.formats.classifiers import Classifier
from scripts.classifier.formats.model import Model, Run
from scripts.classifier.photos import pixels
from scripts.classifier.photos.preprocessing import Preprocessing
from scripts.classifier.plain_text import printable

from ..structured import json_values
from ..target import Files, Target

_SIDE, _LABELS, _TOKEN = 4, ("blue", "green", "red"), "correct horse"
_LINE, _HEADERS, _BODY = "line", "headers", "body"
_FAULT, _BUSY = 500, 503
_GUARDED = "guarded"  # a header that sends the request to the server with a token
_FORM = "multipart/form-data; boundary=xyz"


class Declined(Exception):
    """An answer that says what is wrong with the request."""


class ServerFault(Exception):
    """An answer that says that the server is at fault, or is none."""


def _samples() -> list[Files]:
    picture = np.full((_SIDE, _SIDE, 3), 7).tolist()
    file = io.BytesIO()
    Image.fromarray(np.full((9, 7, 3), 90, np.uint8)).save(file, "PNG")
    photo = file.getvalue()
    encoded = {"b64": base64.b64encode(photo).decode()}
    form = b""
    for name in (b'filename="a.jpg"', b'filename="\xc3\xa9.png"', b"filename*=UTF-8''b.png"):
        form += b'--xyz\r\ncontent-disposition: form-data; name="f"; ' + name + b"\r\n\r\n" + photo + b"\r\n"
    predict, classify = "POST /v1/models/m:predict", "POST /v1/models/m/versions/1:classify"
    asked: list[tuple[str, str, object]] = [
        (predict, "", {"instances": [picture, encoded]}),
        (predict, "", {"instances": [{"image_bytes": encoded}, {"pictures": picture}], "signature_name": "pixels"}),
        (predict, "", {"inputs": {"image_bytes": [encoded, encoded]}}),
        (predict, "", {"inputs": [picture], "signature_name": "serving_default"}),
        (classify, "", {"examples": [{"image_bytes": encoded}], "context": {}}),
        ("POST /label?top_k=2", "content-type: image/png", photo),
        ("POST /label", f"content-type: {_FORM}", form + b"--xyz--\r\n"),
        ("GET /", "host: 127.0.0.1:8000\norigin: http://127.0.0.1:8000", b""),
        ("GET /v1/models/m/metadata", "host: localhost\nx-request-id: abc-1", b""),
        ("GET /v1/models/m/versions/1", "host: [::1]:80", b""),
        ("POST /sign-in", f"{_GUARDED}: 1\ncontent-type: application/x-www-form-urlencoded", b"token=correct+horse"),
        ("GET /metrics", f"{_GUARDED}: 1\nauthorization: Bearer {_TOKEN}", b""),
    ]
    return _files(asked)


def _odd() -> list[Files]:
    cookie = f"cookie: a=b; poets=99999999999.{'0' * 64}"
    return _files([("GET /", f"{_GUARDED}: 1\n{cookie}\naccept: text/html", b""), ("PUT /v1/models/other", "", b"")])


def _files(asked: list[tuple[str, str, object]]) -> list[Files]:
    return [
        {
            _LINE: line.encode(),
            _HEADERS: headers.encode(),
            _BODY: body if isinstance(body, bytes) else json.dumps(body).encode(),
        }
        for line, headers, body in asked
    ]


@functools.cache
def _servers() -> tuple[asyncio.AbstractEventLoop, dict[bool, Callable], list[str]]:
    """A running loop and the servers without and with a token, as serve builds them, around a classifier of colours."""
    from scripts.classifier.serving import access_log, app, guesses, metrics, names, page, service, tokens
    from scripts.classifier.serving.door import Door

    guesses._SECONDS = 0.0  # the wait after a wrong token
    loop, log, doors = asyncio.new_event_loop(), [], {}
    take = Preprocessing(_SIDE, _SIDE, 0.0, 255.0)
    model = Model(Path("colours.pb"), take, 3, None, None, _open_runner, batch=8)
    for guarded in (False, True):
        measured = metrics.Metrics()
        limits = service.Limits(1000, pixels.MAX_PIXELS // 10)
        served = service.Service("m", 1, limits, measured)
        loop.run_until_complete(served.take(Classifier(model, _LABELS, None)))
        asked = tokens.Tokens(_TOKEN if guarded else None, names.Names("127.0.0.1"), page.sign_in)
        built = app.build(served, asked, None)
        doors[guarded] = Door(built, asked, measured, access_log.Log(access_log.TEXT, log.append))
    return loop, doors, log


def _open_runner() -> Run:
    def run(pictures: np.ndarray) -> tuple[np.ndarray, None]:
        colours = pictures.mean(axis=(1, 2))[:, ::-1] + 1e-3
        return (colours / colours.sum(axis=1, keepdims=True)).astype(np.float32), None

    return run


def _read(folder: Path) -> None:
    loop, doors, log = _servers()
    log.clear()
    scope, body = _scope(*((folder / name).read_bytes() for name in (_LINE, _HEADERS, _BODY)))
    door = doors[any(name == _GUARDED.encode() for name, _ in scope["headers"])]
    status, answer = loop.run_until_complete(_ask(door, scope, body))
    if status is None or (status >= _FAULT and status != _BUSY) or "error" in "".join(log):
        raise ServerFault(f"{status} {answer[:300]!r} {log}")
    if any(line != printable(line) for line in log):
        raise ServerFault(f"it logs {log}")
    if status >= 400:
        raise Declined(json.loads(answer)["error"] if answer[:1] == b"{" else f"status {status}")


def _scope(line: bytes, headers: bytes, body: bytes) -> tuple[dict, bytes]:
    """What uvicorn makes of a request that its parser takes."""
    method, _, target = line.partition(b" ")
    path, _, query = target.partition(b"?")
    raw = urllib.parse.quote(b"/" + path.lstrip(b"/"), safe="/%:").encode()
    fields = []
    for each in headers.split(b"\n"):
        name, colon, value = each.partition(b":")
        if colon and name.strip().isascii() and name.strip().decode().replace("-", "a").isalnum():
            fields.append((name.strip().lower(), value.strip().replace(b"\r", b"").replace(b"\0", b"")))
    fields = [(name, value) for name, value in fields if name != b"content-length"]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "".join(filter(str.isalpha, method.decode("ascii", "ignore"))).upper() or "GET",
        "scheme": "http",
        "path": urllib.parse.unquote(raw.decode()),
        "raw_path": raw,
        "root_path": "",
        "query_string": bytes(each for each in query if 0x21 <= each < 0x7F),  # its parser refuses others
        "headers": [*fields, (b"content-length", b"%d" % len(body))],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }, body


async def _ask(door: Callable[..., Awaitable[None]], scope: dict, body: bytes) -> tuple[int | None, bytes]:
    pieces: list[dict] = [{"type": "http.request", "body": body, "more_body": False}]
    answered: dict = {"status": None, "body": b""}

    async def receive() -> dict:
        if not pieces:
            await asyncio.Event().wait()  # the client stays
        return pieces.pop()

    async def send(message: dict) -> None:
        answered["status"] = message.get("status", answered["status"])
        answered["body"] += message.get("body", b"")

    await door(scope, receive, send)
    return answered["status"], answered["body"]


def _header_words(data: bytes, chance: random.Random) -> bytes | None:
    """A header with an odd value added."""
    if len(data) > 1000 or b"\n\r" in data or data.startswith((b"{", b"\x89", b"-")):
        return None
    odd = ["multipart/form-data", "multipart/form-data; boundary=", f"{_FORM}; charset=x", 'multipart/x; boundary="']
    odd += [
        "gzip",
        "application/json",
        "[",
        "[::1",
        "http://",
        "a" * 5000,
        "é",
        "poets=1.",
        "poets=99999999999.é",
        "=;=",
    ]
    names = ["content-type", "host", "origin", "cookie", "authorization", "x-forwarded-proto"]
    names += ["content-encoding", "accept"]
    return data + b"\n" + f"{chance.choice(names)}: {chance.choice(odd)}".encode()


def _paths(data: bytes, chance: random.Random) -> bytes | None:
    """Another address, method or number."""
    if data[:4] not in (b"POST", b"GET ") or b"\n" in data:
        return None
    nines = "9" * chance.choice([1, 9, 30, 5000])
    parts = ["/v1/models/m", "/v1/models/é", f"/versions/{nines}", "/versions/²", "/labels/x", f"?top_k={nines}", "?é"]
    parts += [
        ":predict",
        ":classify",
        ":regress",
        "/metadata",
        "//",
        "%00",
        "%",
        "%ff",
        "/label",
        "/why?label=",
        "/docs",
        "/healthz",
    ]
    parts += ["/..", "\n", "POST ", "PUT ", "OPTIONS ", "?%ff"]
    at = chance.randrange(len(data) + 1)
    return data[: chance.choice([at, len(data)])] + chance.choice(parts).encode() + data[at:] * chance.choice([0, 0, 1])


TARGET = Target(
    "requests",
    _samples,
    _read,
    inputs=800,
    own=(json_values, _header_words, _paths),
    odd=_odd,
    fine=(Declined,),
)
