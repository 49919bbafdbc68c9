"""Opens the flattened picture of a Photoshop file."""

from __future__ import annotations

import io
import struct

from PIL import Image

from .unreadable import CUT, Admit, UnreadableImage

_HEADER = struct.Struct(">4sH8xIIHH")
# Of the colour modes, those that Pillow reads right: grey, indexed, RGB, CMYK and Lab. Bitmaps come out inverted,
# duotones without their inks, and of several channels only the first.
_MODES = (1, 2, 3, 4, 9)
_TO_DO = "save it as JPEG or PNG"
# The resource that says whether the file holds the flattened picture, and where.
_VERSION_INFO, _HAS_PICTURE = 1057, 4


def opened(data: bytes, admit: Admit) -> Image.Image:
    if len(data) < _HEADER.size:
        raise UnreadableImage(CUT)
    _, version, height, width, bits, mode = _HEADER.unpack_from(data)
    if version != 1:
        raise UnreadableImage(f"a large Photoshop document (PSB), which Poets does not read: {_TO_DO}")
    if bits != 8 or mode not in _MODES:
        raise UnreadableImage(
            f"a Photoshop picture of colour mode {mode} with {bits} bits, of which Poets reads none: {_TO_DO}"
        )
    admit(width, height)
    image = Image.open(io.BytesIO(data), formats=("PSD",))
    resources = {number: content for number, _, content in image.resources}  # type: ignore[attr-defined]
    if resources.get(_VERSION_INFO, b"\1" * 5)[_HAS_PICTURE : _HAS_PICTURE + 1] == b"\0":
        raise UnreadableImage(f"a Photoshop file saved without its flattened picture: {_TO_DO}")
    image.load()
    if image.mode == "RGBA" and not _is_transparency(data, image._layers_position):  # type: ignore[attr-defined]
        return image.convert("RGB")
    return image


def _is_transparency(data: bytes, layers: int | None) -> bool:
    """Is the fourth channel the picture's transparency? If not, it is a selection that somebody saved."""
    return layers is not None and struct.unpack_from(">h", data, layers)[0] < 0
