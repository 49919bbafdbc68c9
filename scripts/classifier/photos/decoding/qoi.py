"""Opens QOI files of a size that can be waited for: Pillow decodes them in Python, pixel by pixel."""

from __future__ import annotations

import io

from PIL import Image

from .unreadable import Admit, UnreadableImage

# A large screen's (3840 x 2160), which takes about ten seconds.
_MOST_PIXELS = 8_300_000


def opened(data: bytes, admit: Admit) -> Image.Image:
    image = Image.open(io.BytesIO(data), formats=("QOI",))
    admit(*image.size)
    if image.width * image.height > _MOST_PIXELS:
        raise UnreadableImage(
            f"a QOI picture of {image.width} x {image.height} pixels, too slow to read: save it as PNG"
        )
    return image
