"""Lets in clients that know the token: programs send it in a header, browsers send the cookie from signing in.

Without a token everyone is let in, except browsers that another page sent (see `names`).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Scope

from ..errors import UserError
from .guesses import Guesses
from .names import Names

OPEN = ("/healthz",)
SIGN_IN = "/sign-in"  # checks the token itself
_STYLE = "/page.css"  # used by the sign-in page; holds no secrets
_COOKIE = "poets"

# A browser asks for the token again after a month: long enough for a phone in daily use, and a lost one forgets it.
_COOKIE_SECONDS = 30 * 24 * 3600

# A form with a token has a few hundred bytes.
MOST_SIGN_IN = 4000

_TOO_MANY = "too many wrong tokens were sent: try again in a second"

_VARIABLE = "POETS_TOKEN"


def find(token: str | None, file: str | None) -> str | None:
    """The user's token, from a flag, a file or the environment; None lets everyone in."""
    if token is not None and file is not None:
        raise UserError("--token and --token_file were both given: give one of them")
    if file is not None:
        try:
            token, place = Path(file).read_text("utf-8").strip(), f"--token_file={file}"
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise UserError(f"--token_file={file} cannot be read ({reason}): give a file with the token") from None
    elif token is not None:
        place = "--token"
    else:
        token, place = os.environ.get(_VARIABLE), _VARIABLE
    if token == "":
        raise UserError(f"{place} is empty: give a token, or leave it out to let everyone in")
    return token


class Tokens:
    """`token` None lets in everyone who comes by one of `names`.

    `page` renders the sign-in page with a complaint about the last attempt.
    """

    def __init__(self, token: str | None, names: Names, page: Callable[[str], str]):
        self._names, self._page, self._guesses = names, page, Guesses()
        self._token = None if token is None else token.encode()

    async def turn_away(self, scope: Scope, headers: dict[bytes, bytes]) -> Response | None:
        """The answer for clients that are not let in; None lets the request in."""
        if scope["path"] in OPEN:
            return None
        if self._token is None:
            refusal = self._names.refusal(headers)
            return None if refusal is None else JSONResponse({"error": refusal}, 403)
        if scope["path"] in (SIGN_IN, _STYLE) or _has_cookie(self._token, headers):
            return None
        kind, _, given = headers.get(b"authorization", b"").partition(b" ")
        if kind.lower() == b"bearer":
            if self._guesses.too_many(scope):
                return JSONResponse({"error": _TOO_MANY}, 429, {"retry-after": "1"})
            if hmac.compare_digest(given.strip(), self._token):
                return None
            await self._guesses.wait(scope)
        if scope["path"] == "/" and b"text/html" in headers.get(b"accept", b""):
            return HTMLResponse(self._page(""), 401, {"www-authenticate": "Bearer"})
        return JSONResponse(
            {"error": "the token is missing or wrong: send it as Authorization: Bearer TOKEN"},
            401,
            {"www-authenticate": "Bearer"},
        )

    async def sign_in(self, scope: Scope, form: bytes) -> Response:
        """Answers the form of the sign-in page."""
        if self._guesses.too_many(scope):
            return HTMLResponse(self._page(f"{_TOO_MANY.capitalize()}."), 429, {"retry-after": "1"})
        given = parse_qs(form.decode("utf-8", "replace")).get("token", [""])[0]
        if self._token is None or hmac.compare_digest(given.encode(), self._token):
            answer: Response = RedirectResponse("/", 303)
            if self._token is not None:
                value = _cookie_for(self._token, int(time.time()) + _COOKIE_SECONDS)
                answer.set_cookie(
                    _COOKIE, value, max_age=_COOKIE_SECONDS, secure=_by_https(scope), httponly=True, samesite="strict"
                )
            return answer
        await self._guesses.wait(scope)
        return HTMLResponse(self._page("That is not the token."), 401, {"www-authenticate": "Bearer"})


def _has_cookie(token: bytes, headers: dict[bytes, bytes]) -> bool:
    try:
        cookie = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1")).get(_COOKIE)
    except CookieError:
        return False
    until = "" if cookie is None else cookie.value.partition(".")[0]
    if cookie is None or not re.fullmatch(r"\d{1,12}", until, re.ASCII) or int(until) < time.time():
        return False
    return hmac.compare_digest(cookie.value.encode(), _cookie_for(token, int(until)).encode())


def _cookie_for(token: bytes, until: int) -> str:
    """The end of its life and a keyed hash of that, which keeps the token itself out of the browser's storage."""
    return f"{until}.{hmac.new(token, f'poets cookie {until}'.encode(), hashlib.sha256).hexdigest()}"


def _by_https(scope: Scope) -> bool:
    """True if the browser used https, to this server or to a proxy before it."""
    headers = dict(scope["headers"])
    told = headers.get(b"x-forwarded-proto", b"").lower().startswith(b"https")
    return scope["scheme"] == "https" or told or b"proto=https" in headers.get(b"forwarded", b"").lower()
