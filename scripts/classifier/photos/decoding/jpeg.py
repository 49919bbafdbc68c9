"""Opens JPEG files of as many scans as encoders write."""

from __future__ import annotations

import io
import re

from PIL import Image

from .unreadable import Admit, UnreadableImage

# Each scan of a JPEG goes through all of its pixels again. Encoders write about ten; hundreds are an attack.
_MOST_SCANS = 100
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")  # those that do not occur within a scan's data
_START_OF_SCAN, _END = 0xDA, 0xD9


def opened(data: bytes, admit: Admit) -> Image.Image:
    image = Image.open(io.BytesIO(data), formats=("JPEG",))
    admit(*image.size)
    # Other data may hold these two bytes, too: only then look closer.
    if data.count(bytes([0xFF, _START_OF_SCAN])) > _MOST_SCANS and _scans(data) > _MOST_SCANS:
        raise UnreadableImage(f"a JPEG of more than {_MOST_SCANS} scans")
    return image


def _scans(data: bytes) -> int:
    """The number of scans in a JPEG's first picture."""
    count, at = 0, 2
    while (found := _MARKER.search(data, at)) is not None and found[1][0] != _END:
        count += found[1][0] == _START_OF_SCAN
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")  # behind the segment
    return count
