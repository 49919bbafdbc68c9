"""Turns the bytes of any image into the square of pixels that a network takes.

This is the only way in: training, labelling, evaluating and serving all decode here, with Pillow and NumPy alone, so
that a photo gives the same numbers everywhere.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import numpy as np

# Imported so that all are registered before several threads decode at once.
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageOps,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from ..errors import in_short

# Some phones write JPEG files of several pictures, which Pillow opens as JPEG and turns into MPO.
PLUGINS = (
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    GifImagePlugin,
    BmpImagePlugin,
    WebPImagePlugin,
    AvifImagePlugin,
    TiffImagePlugin,
    PpmImagePlugin,
)
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "AVIF", "TIFF", "PPM")

# An RGB picture of this size takes half a gigabyte; anything larger is a mistake or an attack.
MAX_PIXELS = 178_956_970

# Each scan of a JPEG goes through all of its pixels again. Encoders write about ten; hundreds are an attack.
_MOST_SCANS = 100
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")  # those that do not occur within a scan's data
_START_OF_SCAN, _END = 0xDA, 0xD9

# The first bytes of files of each format.
_SIGNATURES = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"P4",
    b"P5",
    b"P6",
)
SNIFFED_BYTES = 16

# Pillow's own check warns at half of our limit; `check_size` raises an error instead.
Image.MAX_IMAGE_PIXELS = None


class UnreadableImage(Exception):
    """Says in a few words why some bytes are not a picture."""


def looks_like_image(head: bytes) -> bool:
    """True if the first SNIFFED_BYTES of a file are those of a picture format known here."""
    return (
        head.startswith(_SIGNATURES)
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or head[4:12] in (b"ftypavif", b"ftypavis")
        or _is_heic(head)
    )


def check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadableImage(f"{width} x {height} pixels, more than {MAX_PIXELS // 1_000_000} megapixels")


# Called with a picture's width and height before it is decoded; raises UnreadableImage if that is too large.
Admit = Callable[[int, int], None]


def decode(data: bytes, height: int, width: int, admit: Admit = check_size) -> np.ndarray:
    """The picture squeezed to [height, width, 3] uint8 RGB, upright, as the original scripts squeezed it."""
    return squeeze(open_rgb(data, max(height, width), admit), height, width)


def open_rgb(data: bytes, at_least: int, admit: Admit = check_size) -> Image.Image:
    """The picture as upright 8-bit RGB. A large JPEG may be reduced, but not below `at_least` a side."""
    if not data:
        raise UnreadableImage("empty file")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        admit(*image.size)
        if image.format in ("JPEG", "MPO"):
            _check_scans(data)
        image.draft(None, (at_least, at_least))  # JPEG only: decode at 1/2, 1/4 or 1/8 if that is enough
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        return _to_rgb(image)
    except UnreadableImage:
        raise
    except Image.UnidentifiedImageError:
        raise UnreadableImage(_why_unidentified(data)) from None
    except MemoryError:
        raise UnreadableImage("not enough memory to decode it") from None
    except Exception as error:
        # Broken files make Pillow's decoders raise anything (struct.error, IndexError, SyntaxError ...).
        reason = in_short(error)
        cut_short = "truncated" in reason.lower() or _is_cut_webp(data)
        raise UnreadableImage("truncated: its end is missing" if cut_short else f"damaged: {reason}") from error


def squeeze(
    image: Image.Image, height: int, width: int, box: tuple[float, float, float, float] | None = None
) -> np.ndarray:
    """The picture, or the box (left, upper, right, lower) of it, as [height, width, 3] uint8."""
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR, box=box))


def normalise(pixels: np.ndarray, mean: float, std: float) -> np.ndarray:
    """The network's input: (pixels - mean) / std as float32, in any shape."""
    values = np.subtract(pixels, np.float32(mean), dtype=np.float32)
    values *= np.float32(1 / std)
    return values


def _check_scans(data: bytes) -> None:
    # Other data may hold these two bytes, too: only then look closer.
    if data.count(bytes([0xFF, _START_OF_SCAN])) > _MOST_SCANS and _scans(data) > _MOST_SCANS:
        raise UnreadableImage(f"a JPEG of more than {_MOST_SCANS} scans")


def _scans(data: bytes) -> int:
    """The number of scans in a JPEG's first picture."""
    count, at = 0, 2
    while (found := _MARKER.search(data, at)) is not None and found[1][0] != _END:
        count += found[1][0] == _START_OF_SCAN
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")  # behind the segment
    return count


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16") or image.mode == "I":
        # Keep the upper eight of 16 bits. Pillow's own conversion would clip at 255.
        values = np.asarray(image)
        if image.mode == "I":
            values = values.clip(0, 65535)
        return Image.fromarray((values >> 8).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image))
        low, high = float(values.min()), float(values.max())
        return Image.fromarray(((values - low) * (255 / ((high - low) or 1))).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        # Transparent parts become white, as on a web page.
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _is_heic(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"heif", b"mif1", b"hevc")


def _is_cut_webp(data: bytes) -> bool:
    """Pillow does not say so, but the file's header holds its length."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP" and len(data) < 8 + int.from_bytes(data[4:8], "little")


def _why_unidentified(data: bytes) -> str:
    if _is_heic(data[:SNIFFED_BYTES]):
        return "a HEIC picture, which Poets cannot read: convert it to JPEG"
    if data[:SNIFFED_BYTES].lstrip()[:5].lower() in (b"<html", b"<!doc", b"<?xml", b"<svg "):
        return "not an image: a web page or drawing in text form"
    if looks_like_image(data[:SNIFFED_BYTES]):
        return "damaged: it starts like an image, but its header makes no sense"
    return "not an image"
