"""Turns the bytes of any image into the square of pixels that a network takes.

This is the only way in: training, labelling, evaluating and serving all decode here, with Pillow and NumPy, and pi-heif
for HEIC, so that a photo gives the same numbers everywhere.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageOps

from ..errors import in_short
from . import file_kinds, fitting
from .decoding import depths, heif, icons, jpeg, jpeg_2000, netpbm, photoshop, qoi, targa, tiff
from .decoding.unreadable import CUT, MAX_PIXELS, Admit, UnreadableImage, check_size, damaged

__all__ = ["MAX_PIXELS", "Admit", "UnreadableImage", "check_size", "decode", "normalise", "open_rgb"]

# Pillow's own check warns at half of our limit; `check_size` raises an error instead.
Image.MAX_IMAGE_PIXELS = None

# Pillow also logs and warns about files without naming them. What matters comes as an UnreadableImage.
logging.getLogger("PIL").setLevel(logging.CRITICAL)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

# The formats that take more than Pillow's own way.
_OPENED: dict[str, Callable[[bytes, Admit], Image.Image]] = {
    "JPEG": jpeg.opened,
    "TIFF": tiff.opened,
    "PPM": netpbm.opened,
    "PSD": photoshop.opened,
    "QOI": qoi.opened,
    "ICO": icons.opened,
    "TGA": targa.opened,
    "HEIF": heif.opened,
}


def decode(data: bytes, height: int, width: int, admit: Admit = check_size, fit: str = fitting.SQUEEZE) -> np.ndarray:
    """The picture as [height, width, 3] uint8 RGB, upright, made to fit as one of fitting.FITS."""
    return fitting.fit(open_rgb(data, max(height, width), admit), height, width, fit)


def open_rgb(data: bytes, at_least: int, admit: Admit = check_size) -> Image.Image:
    """The picture as upright 8-bit RGB. A large JPEG or JPEG 2000 may be reduced, but not below `at_least` a side."""
    try:
        image = _opened(data, at_least, admit)
        image.draft(None, (at_least, at_least))  # JPEG only: decode at 1/2, 1/4 or 1/8 if that is enough
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        return _to_rgb(image)
    except UnreadableImage:
        raise
    except Image.UnidentifiedImageError:
        raise UnreadableImage(file_kinds.why_not(data)) from None
    except MemoryError:
        raise UnreadableImage("not enough memory to decode it") from None
    except Exception as error:
        # Broken files make Pillow's decoders raise anything (struct.error, IndexError, SyntaxError ...).
        reason = in_short(error)
        cut_short = "truncated" in reason.lower() or _is_cut_webp(data)
        raise UnreadableImage(CUT) if cut_short else damaged(reason) from error


def normalise(pixels: np.ndarray, mean: float, std: float) -> np.ndarray:
    """The network's input: (pixels - mean) / std as float32, in any shape."""
    values = np.subtract(pixels, np.float32(mean), dtype=np.float32)
    values *= np.float32(1 / std)
    return values


def _opened(data: bytes, at_least: int, admit: Admit) -> Image.Image:
    kind = file_kinds.readable(data)
    if kind is None:
        raise UnreadableImage(file_kinds.why_not(data))
    if kind.name == "JPEG2000":
        return jpeg_2000.opened(data, at_least, admit)
    if kind.name in _OPENED:
        return _OPENED[kind.name](data, admit)
    image = Image.open(io.BytesIO(data), formats=(kind.name,))
    admit(*image.size)
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16"):
        # Pillow's own conversion would clip at 255.
        return depths.upper_eight(np.asarray(image), 16).convert("RGB")
    if image.has_transparency_data:
        # Transparent parts become white, as on a web page.
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _is_cut_webp(data: bytes) -> bool:
    """Pillow does not say so, but the file's header holds its length."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP" and len(data) < 8 + int.from_bytes(data[4:8], "little")
