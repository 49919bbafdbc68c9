"""A Pillow with a bug: decoding a picture with a certain comment kills the process."""

import ctypes

from PIL import ImageFile

_load = ImageFile.ImageFile.load


def load(self):
    if self.info.get("comment") == b"ends its decoder":
        ctypes.string_at(0)
    return _load(self)


ImageFile.ImageFile.load = load
