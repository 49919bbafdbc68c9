"""Opens the largest picture of a Windows icon."""

from __future__ import annotations

import io
import struct

from PIL import Image
from PIL.IcoImagePlugin import IcoFile

from . import targa
from .unreadable import CUT, Admit, UnreadableImage

_PNG = b"\x89PNG\r\n\x1a\n"
# Of a bitmap's header, up to its number of bits.
_BITMAP = struct.Struct("<IiiHH")


def opened(data: bytes, admit: Admit) -> Image.Image:
    """Pillow decodes an icon when it opens it, so the size is looked up here before."""
    icon = IcoFile(io.BytesIO(data))
    if not icon.entry:
        raise UnreadableImage("an icon without a picture")
    at = max(range(len(icon.entry)), key=lambda index: (icon.entry[index].square, icon.entry[index].color_depth))
    entry = icon.entry[at]
    picture = data[entry.offset : entry.offset + entry.size]
    if picture.startswith(_PNG):
        image = Image.open(io.BytesIO(picture), formats=("PNG",))
        admit(*image.size)
        return image
    if len(picture) < _BITMAP.size:
        raise UnreadableImage(CUT)
    _, width, height, _, bits = _BITMAP.unpack_from(picture)
    admit(abs(width), abs(height))
    # The list of pictures may leave out or mistake the number of bits, which says how transparency is kept.
    icon.entry[at] = entry._replace(bpp=bits)
    return targa.seen(icon.frame(at))
