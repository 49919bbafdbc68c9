"""Lets in clients that know the token: programs send it in a header, browsers send the cookie from signing in."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Scope

OPEN = ("/healthz",)
SIGN_IN = "/sign-in"  # checks the token itself
_STYLE = "/page.css"  # used by the sign-in page; holds no secrets
_COOKIE = "poets"


class Tokens:
    """`token` None lets everyone in. `page` renders the sign-in page with a complaint about the last attempt."""

    def __init__(self, token: str | None, page: Callable[[str], str]):
        self._page = page
        self._token = None if token is None else token.encode()

    def turn_away(self, scope: Scope, headers: dict[bytes, bytes]) -> Response | None:
        """The answer for clients without the token; None lets the request in."""
        if self._token is None or scope["path"] in (*OPEN, SIGN_IN, _STYLE) or _knows(self._token, headers):
            return None
        if scope["path"] == "/" and b"text/html" in headers.get(b"accept", b""):
            return HTMLResponse(self._page(""), 401, {"www-authenticate": "Bearer"})
        return JSONResponse(
            {"error": "the token is missing or wrong: send it as Authorization: Bearer TOKEN"},
            401,
            {"www-authenticate": "Bearer"},
        )

    def sign_in(self, form: bytes) -> Response:
        """Answers the form of the sign-in page."""
        given = parse_qs(form.decode("utf-8", "replace")).get("token", [""])[0]
        if self._token is None or hmac.compare_digest(given.encode(), self._token):
            answer: Response = RedirectResponse("/", 303)
            if self._token is not None:
                answer.set_cookie(_COOKIE, _cookie_for(self._token), httponly=True, samesite="strict")
            return answer
        return HTMLResponse(self._page("That is not the token."), 401, {"www-authenticate": "Bearer"})


def _knows(token: bytes, headers: dict[bytes, bytes]) -> bool:
    kind, _, given = headers.get(b"authorization", b"").partition(b" ")
    if kind.lower() == b"bearer" and hmac.compare_digest(given.strip(), token):
        return True
    try:
        cookie = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1")).get(_COOKIE)
    except CookieError:
        return False
    return cookie is not None and hmac.compare_digest(cookie.value.encode(), _cookie_for(token).encode())


def _cookie_for(token: bytes) -> str:
    """A hash, which keeps the token itself out of the browser's storage."""
    return hashlib.sha256(b"poets cookie " + token).hexdigest()
