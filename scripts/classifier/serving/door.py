"""Wraps every request: checks the token, adds an id and headers, turns errors into answers, logs and counts."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .access_log import Entry, Log
from .metrics import Metrics
from .refusals import Refused, Vanished
from .tokens import Tokens

# Pages load nothing from other hosts, run only our own script files, and cannot be framed by other pages.
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "cache-control": "no-store",
}
_RAW_HEADERS = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]

_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

# The client went away before it had an answer; for the log and the metrics only.
_VANISHED = 499


class Door:
    def __init__(self, app: ASGIApp, tokens: Tokens, metrics: Metrics, log: Log):
        self._app, self._tokens, self._metrics, self._log = app, tokens, metrics, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        number = given if _ID.fullmatch(given) else secrets.token_hex(8).encode()
        status, sent = _VANISHED, 0

        async def send_on(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), *_RAW_HEADERS, (b"x-request-id", number)]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        try:
            answer = await self._tokens.turn_away(scope, headers)
            await (self._app if answer is None else answer)(scope, receive, send_on)
        except Exception as error:
            self._log.failure(number.decode(), error)  # the client has been told by `fail`
        finally:
            seconds = time.perf_counter() - started
            route = scope.get("route")
            self._metrics.request(getattr(route, "path", "other"), _method(scope), status, seconds)
            client = scope["client"][0] if scope.get("client") else "-"
            path = scope["raw_path"].decode("ascii", "backslashreplace")
            self._log.request(Entry(number.decode(), client, scope["method"], path, status, 1000 * seconds, sent))


def problem(status: int, reason: str, headers: dict[str, str] | None = None) -> Response:
    """An error in TensorFlow Serving's format."""
    return JSONResponse({"error": reason}, status, headers)


async def refuse(request: Request, error: Refused) -> Response:
    return problem(error.status, str(error), error.headers)


async def refuse_address(request: Request, error: HTTPException) -> Response:
    return problem(error.status_code, f"{error.detail}: see /docs", dict(error.headers or {}))


async def forget(request: Request, error: Vanished) -> Response:
    return Response(status_code=_VANISHED)


async def fail(request: Request, error: Exception) -> Response:
    """Tells the client that the fault is ours, without details."""
    return problem(500, "something went wrong on the server; its log has the details")


# Starlette calls each with errors of its own kind only, which its types cannot express.
ON_ERRORS: dict[type[Exception], Callable[[Request, Any], Awaitable[Response]]] = {
    Refused: refuse,
    HTTPException: refuse_address,
    Vanished: forget,
    Exception: fail,
}


def _method(scope: Scope) -> str:
    """The method, or "other": clients can make methods up, and each would add a time series for good."""
    known = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
    return scope["method"] if scope["method"] in known else "other"
