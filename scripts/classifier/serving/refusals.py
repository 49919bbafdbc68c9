"""Requests that get no proper answer: refused ones, and those whose client has gone."""

from __future__ import annotations

from collections.abc import Mapping

from ..plain_text import printable


class Refused(Exception):
    """A status and one printable line for the client.

    `closing` ends the connection, as the client may still be sending.
    """

    def __init__(self, status: int, reason: str, headers: Mapping[str, str] | None = None, closing: bool = False):
        super().__init__(printable(reason))  # it may quote the request
        self.status = status
        self.headers = {**(headers or {}), **({"connection": "close"} if closing else {})}


class Vanished(Exception):
    """The client closed the connection."""
