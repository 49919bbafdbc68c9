"""A Pillow with a bug: whatever process decodes a picture that is commented so is ended by a signal."""

import os
import signal

from PIL import ImageFile

_load = ImageFile.ImageFile.load


def load(self):
    if self.info.get("comment") == b"ends its decoder":
        os.kill(os.getpid(), signal.SIGSEGV)
    return _load(self)


ImageFile.ImageFile.load = load
