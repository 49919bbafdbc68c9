"""Opens HEIC and other HEIF files, the photos of iPhones, with pi-heif.

The decoder turns a picture as the file says (irot, imir). The EXIF orientation beside that is there for other programs
and says the same once more, so it is dropped.
"""

from __future__ import annotations

import struct
from functools import cache
from types import ModuleType

from PIL import Image

from . import heif_items
from .heif_items import CODED, GRID, SAME, Items
from .unreadable import CUT, Admit, UnreadableImage, damaged

# Colours come in 8 bits, whatever the file has. Greys would come in as many as the file claims, and pi-heif 1.4
# writes beyond its memory if they have fewer. No phone takes deep greys.
_MODES = ("L", "RGB", "RGBA", "RGBa")
_TO_DO = "save it as JPEG or PNG"
# What is decoded may be more than what is seen: of a grid of 2 x 2 tiles, little more than a quarter may be. A few
# tiles more are always allowed. Each tile, however small, takes some time.
_TIMES_AS_MUCH, _SPARE, _LEAST = 6, 8 << 20, 1 << 14
# A pixel takes so much memory, in units of what other formats take: it is there in the decoder's colours, as RGB, and
# as Pillow's.
_TIMES = 3


def opened(data: bytes, admit: Admit) -> Image.Image:
    """The primary picture, upright."""
    pi_heif = _pi_heif()
    items = _items(data)
    width, height = _size(items, items.primary)
    admit(width, height, times=_TIMES)
    for number in (items.primary, *items.auxiliary):
        if _work(items, number) > _TIMES_AS_MUCH * width * height + _SPARE:
            seen = f"{width} x {height} pixels that it shows"
            raise UnreadableImage(f"a HEIF picture of far more than the {seen}: {_TO_DO}")
    try:
        found = pi_heif.open_heif(items.only_picture(data))
        if found.mode not in _MODES:
            raise UnreadableImage(f"a grey HEIF picture of more than 8 bits, which Poets does not read: {_TO_DO}")
        picture = found.to_pillow()
    except (ValueError, EOFError) as error:
        if "end of file" in str(error).lower():
            raise UnreadableImage(CUT) from None
        raise
    # Without the profile of its colours, as other formats are read, and without anything to turn it once more.
    picture.info = {}
    return picture


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height as the file holds them, which it may turn; nothing is decoded."""
    items = _items(data)
    return _size(items, items.primary)


def _items(data: bytes) -> Items:
    try:
        return heif_items.read(data)
    except struct.error:
        raise UnreadableImage(CUT) from None


@cache
def _pi_heif() -> ModuleType:
    try:
        import pi_heif
    except ImportError:
        raise UnreadableImage("a HEIC picture, for which the package pi-heif is needed: pip install pi-heif") from None
    # Photos are decoded side by side already.
    pi_heif.options.DECODE_THREADS = 1
    pi_heif.options.THUMBNAILS = pi_heif.options.DEPTH_IMAGES = pi_heif.options.AUX_IMAGES = False
    return pi_heif


def _size(items: Items, number: int) -> tuple[int, int]:
    sizes = items.of[number].sizes if number in items.of else []
    if len(sizes) != 1 or 0 in sizes[0]:
        raise damaged("a HEIF file whose picture has no size")
    return sizes[0]


def _work(items: Items, number: int) -> int:
    """The pixels that are decoded for an item. What phones do not write is refused: tiles that are grids themselves,
    layers, and other encodings."""
    width, height = _size(items, number)
    item = items.of[number]
    parts = item.made_of
    if item.kind == SAME and len(parts) == 1 and _kind(items, parts[0]) in (CODED, GRID):
        return _work(items, parts[0])
    if item.kind == GRID:
        if not all(_kind(items, each) == CODED for each in parts):
            raise UnreadableImage(f"a HEIF picture whose tiles are made of others, which Poets does not read: {_TO_DO}")
        return width * height + sum(_work(items, each) for each in parts)
    if item.kind != CODED:
        kind = item.kind.decode("latin-1")
        raise UnreadableImage(f"a HEIF picture of the kind {kind!r}, which Poets does not read: {_TO_DO}")
    return max(width * height, _LEAST)


def _kind(items: Items, number: int) -> bytes:
    return items.of[number].kind if number in items.of else b""
