"""Why a request is not answered as it asked."""

from __future__ import annotations

from collections.abc import Mapping


class Refused(Exception):
    """What the client is told, in one line, with which status; `closing` if it may still be sending."""

    def __init__(self, status: int, reason: str, headers: Mapping[str, str] | None = None, closing: bool = False):
        super().__init__(reason)
        self.status = status
        self.headers = {**(headers or {}), **({"connection": "close"} if closing else {})}


class Vanished(Exception):
    """The client has gone; nobody is there to be told anything."""
