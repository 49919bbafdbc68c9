"""Opens PBM, PGM, PPM and PFM files.

Pillow converts those in text, and those whose white is not 255, one value after the other, which takes minutes for a
large picture. Here they are converted all at once, to the same values.
"""

from __future__ import annotations

import io
import re

import numpy as np
from PIL import Image

from . import depths
from .unreadable import CUT, Admit, UnreadableImage, damaged

_COMMENT = re.compile(rb"#[^\r\n]*")
_IN_TEXT = (b"P1", b"P2", b"P3")


def opened(data: bytes, admit: Admit) -> Image.Image:
    image = Image.open(io.BytesIO(data), formats=("PPM",))
    admit(*image.size)
    _, _, at, details = image.tile[0]  # type: ignore[attr-defined]  # every file's image has it
    text = data.startswith(_IN_TEXT)
    if image.mode == "1":
        return _bits(data[at:], *image.size) if text else image
    if image.mode == "F":
        image.load()
        values = np.asarray(image)
        return depths.stretched(values, *depths.extent(values))
    white = details[1] if isinstance(details, tuple) else 65535 if image.mode == "I" else 255
    if white == 255 and not text:
        return image
    shape = (image.height, image.width) if image.mode in ("L", "I") else (image.height, image.width, 3)
    count = int(np.prod(shape))
    values = _numbers(data[at:], count) if text else _binary(data, at, count, white)
    if values.max(initial=0) > white:
        raise damaged(f"it holds {values.max()}, and its white is {white}")
    return _eight_bits(values.reshape(shape), white)


def _bits(text: bytes, width: int, height: int) -> Image.Image:
    """0 is white, and no spaces are needed between the values."""
    values = np.frombuffer(b"".join(_COMMENT.sub(b" ", text).split()), np.uint8)[: width * height]
    if len(values) < width * height:
        raise UnreadableImage(CUT)
    if not np.isin(values, np.frombuffer(b"01", np.uint8)).all():
        raise damaged("it holds other characters than 0 and 1")
    return Image.fromarray(np.where(values == ord("0"), np.uint8(255), np.uint8(0)).reshape(height, width))


def _numbers(text: bytes, count: int) -> np.ndarray:
    text = _COMMENT.sub(b" ", text)
    if re.search(rb"[^\d\s]", text) or re.search(rb"\d{11}", text):
        raise damaged("it holds something else than numbers")
    values = np.fromstring(text.decode("ascii"), np.int64, sep=" ")[:count]
    if len(values) < count:
        raise UnreadableImage(CUT)
    return values


def _binary(data: bytes, at: int, count: int, white: int) -> np.ndarray:
    dtype = np.dtype(np.uint8 if white < 256 else ">u2")
    if len(data) < at + count * dtype.itemsize:
        raise UnreadableImage(CUT)
    return np.frombuffer(data, dtype, count, at)


def _eight_bits(values: np.ndarray, white: int) -> Image.Image:
    """White becomes 255. Deep greys go by way of 16 bits, as Pillow's do, and keep their upper eight."""
    deep = white > 255 and values.ndim == 2
    levels = np.arange(white + 1) / white * (65535 if deep else 255)
    table = (np.rint(levels).astype(np.int64) >> (8 if deep else 0)).astype(np.uint8)
    converted = np.empty(values.shape, np.uint8)
    for row, line in zip(converted, values, strict=True):  # looking up all at once would take eight bytes a value
        row[...] = table[line]
    return Image.fromarray(converted)
