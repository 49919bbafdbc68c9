"""Makes small copies of photos to embed in a page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from PIL import Image

from ...photos import folders, pixels
from ...photos.folders import Place
from ...photos.pixels import UnreadableImage

LONGEST_SIDE = 160
_QUALITY = 80


@dataclass(frozen=True)
class Thumbnail:
    uri: str  # data:image/jpeg;base64,...
    width: int
    height: int


def thumbnail(photo: Place) -> Thumbnail | None:
    """The photo within LONGEST_SIDE pixels a side; None if it can no longer be read."""
    try:
        # Decoded at twice the size: a JPEG is reduced coarsely while decoding.
        image = pixels.open_rgb(folders.contents(photo), 2 * LONGEST_SIDE)
    except (UnreadableImage, OSError):
        return None
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    return embedded(image)


def embedded(image: Image.Image) -> Thumbnail:
    """A picture that is small already."""
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", quality=_QUALITY, optimize=True)
    return Thumbnail(f"data:image/jpeg;base64,{base64.b64encode(jpeg.getvalue()).decode()}", *image.size)
