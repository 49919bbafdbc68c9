"""Refuses browsers that came by a name, or from a page, that is not this server's.

A server without a token is open to everybody who reaches it, and every page that a person opens can reach it through
their browser: it can post to it, and a name of its own that suddenly means 127.0.0.1 lets it read the answers, too.
Addresses are never refused, as nobody can make them mean something else; programs without Host or Origin, neither.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Sequence

from ..plain_text import printable

_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:.%]+\]|[^:\[\]]+)(:\d*)?", re.IGNORECASE)


class Names:
    """Those of a server: `listened` is what it listens on, `known_as` what the user says besides."""

    def __init__(self, listened: str, known_as: Sequence[str] = ()):
        own = socket.gethostname().lower()
        short = own.partition(".")[0]
        self._pages = {_plain(name) for name in known_as if name}  # a proxy may show these, and use another name here
        self._known = {*self._pages, _plain(listened), *((own, short, f"{short}.local") if own else ())}

    def refusal(self, headers: dict[bytes, bytes]) -> str | None:
        """Why a request is refused; None lets it in."""
        host, origin = (headers.get(name, b"").decode("latin-1").lower() for name in (b"host", b"origin"))
        if host and not self._is_known(host):
            return f"this server does not go by the name {_shown(host)}: use its address, or start it with --known_as"
        page = origin.partition("://")[2]
        if origin and page != host and _host(page) not in self._pages:
            return f"a page of {_shown(origin)} may not use this server: open its own page, or start it with --token"
        return None

    def _is_known(self, authority: str) -> bool:
        host = _host(authority)
        return host in self._known or host == "localhost" or host.endswith(".localhost") or _is_address(host)


def _shown(name: str) -> str:
    return printable(name[:60])


def _host(authority: str) -> str:
    """Without the port; empty if it makes no sense."""
    found = _AUTHORITY.fullmatch(authority)
    return "" if found is None else _plain(found["host"])


def _plain(name: str) -> str:
    return name.strip("[]").rstrip(".").lower()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
