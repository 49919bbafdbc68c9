"""Opens TGA files, whose transparency has to be taken with care."""

from __future__ import annotations

import io

from PIL import Image

from .unreadable import Admit

# Where the header has the depth of the palette and of the pixels.
_PALETTE_DEPTH, _DEPTH = 7, 16


def opened(data: bytes, admit: Admit) -> Image.Image:
    image = Image.open(io.BytesIO(data), formats=("TGA",))
    admit(*image.size)
    image.load()
    # Programs disagree about what the one extra bit of 16 means: here it means nothing.
    if image.mode in ("P", "RGBA") and 16 in (data[_DEPTH], data[_PALETTE_DEPTH] if image.mode == "P" else 0):
        return image.convert("RGB")
    return seen(image)


def seen(image: Image.Image) -> Image.Image:
    """The picture, opaque if all of it is transparent: some programs leave what they do not use at 0."""
    if image.mode in ("RGBA", "LA") and image.getextrema()[-1] == (0, 0):  # type: ignore[comparison-overlap]
        return image.convert(image.mode.rstrip("A"))
    return image
