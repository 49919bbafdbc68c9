"""A Pillow with a bug: whatever process decodes a picture that is commented so is ended by a signal."""

import ctypes

from PIL import ImageFile

_load = ImageFile.ImageFile.load


def load(self):
    if self.info.get("comment") == b"ends its decoder":
        ctypes.string_at(0)
    return _load(self)


ImageFile.ImageFile.load = load
