"""Works for a client as long as it stays."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from starlette.requests import Request

from .batches import Full
from .refusals import Refused, Vanished

Result = TypeVar("Result")


async def result(request: Request, work: Coroutine[None, None, Result]) -> Result:
    """Raises Vanished, and drops what has not begun yet, if the client leaves."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_leaving(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Vanished
        return working.result()
    except Full:
        raise Refused(503, "too many pictures are waiting: try again", {"retry-after": "1"}) from None
    finally:
        working.cancel()
        leaving.cancel()


async def _leaving(request: Request) -> None:
    """Waits until the client closes the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
