"""Pictures as cameras store them that are held in each of the eight ways."""

from PIL import Image

ORIENTATIONS = range(1, 9)
_TAG = 0x0112

_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def stored(upright: Image.Image, orientation: int) -> tuple[Image.Image, Image.Exif]:
    """The scene as it lies in the file, and what the file says of it."""
    exif = Image.Exif()
    exif[_TAG] = orientation
    return upright.transpose(_STORED[orientation]) if orientation in _STORED else upright, exif
