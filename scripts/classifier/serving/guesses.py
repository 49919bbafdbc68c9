"""Slows down whoever guesses the token."""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter

from starlette.types import Scope

# A wrong token is answered this late, and this many from one address wait at once: five guesses a second. Nobody who
# mistypes a token notices, and a password of eight small letters lasts for a thousand years.
_SECONDS, _AT_ONCE = 1.0, 5


class Guesses:
    def __init__(self):
        self._waiting: Counter[str] = Counter()

    def too_many(self, scope: Scope) -> bool:
        """True while no more tokens are looked at, right or wrong, from this address."""
        return self._waiting[_address(scope)] >= _AT_ONCE

    async def wait(self, scope: Scope) -> None:
        """To be called with every wrong token, before it is answered."""
        address = _address(scope)
        self._waiting[address] += 1
        try:
            await asyncio.sleep(_SECONDS)
        finally:
            self._waiting[address] -= 1
            if not self._waiting[address]:
                del self._waiting[address]


def _address(scope: Scope) -> str:
    """The client's address; of IPv6 the first half, as one client has the rest to choose from."""
    client = scope["client"][0] if scope.get("client") else ""
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))
