"""The pictures in the body of a request to /label: one as it is, or those of a form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser

from . import tensorflow_rest
from .bodies import MOST_BYTES
from .refusals import Refused

# Content types of a bare picture. curl --data-binary calls anything it sends a form.
_PICTURE_TYPES = ("", "application/octet-stream", "application/x-www-form-urlencoded")

Named = tuple[str | None, bytes]


def read(content_type: str, body: bytes) -> list[Named]:
    """The picture, or all pictures of a form, with their file names. Not for the event loop's thread: it is slow."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return asyncio.run(_uploads(content_type, body))
    if kind not in _PICTURE_TYPES and not kind.startswith("image/"):
        raise Refused(415, f"expected a picture, or multipart/form-data with pictures, found {kind[:60]}")
    return [(None, body)]


class _Parser(MultiPartParser):
    spool_max_size = MOST_BYTES  # in memory, as the body is


async def _uploads(content_type: str, body: bytes) -> list[Named]:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    # Names are UTF-8, as browsers send them: a client that chooses the codec may choose a slow one, or none.
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise Refused(400, "the form cannot be read: Missing boundary in multipart.")
    headers = Headers(raw=[(b"content-type", b'multipart/form-data; boundary="%s"' % boundary)])
    most = tensorflow_rest.MOST_PICTURES
    try:
        form = await _Parser(headers, stream(), max_files=most, max_fields=most).parse()
    except MultiPartException as error:
        raise Refused(400, f"the form cannot be read: {error.message}") from None
    try:
        files = [value for _, value in form.multi_items() if not isinstance(value, str)]
        if not files:
            raise Refused(400, "the form contains no file: expected at least one picture")
        return [(file.filename, await file.read()) for file in files]
    finally:
        await form.close()
