"""Understands handles of TensorFlow Hub: addresses at tfhub.dev, which leads to Kaggle today, at Kaggle, or elsewhere.

All give a module as an archive to whoever asks for ?tf-hub-format=compressed, mostly by way of redirects.
"""

from __future__ import annotations

import hashlib
import os
import re
import urllib.parse
from pathlib import Path

from ..errors import UserError

_ARCHIVES = (".tar.gz", ".tgz")
_KAGGLE = ("kaggle.com", "www.kaggle.com")
_FORM = "https://www.kaggle.com/models/OWNER/MODEL/tensorFlow2/VARIATION/VERSION"
# The end of a web page's address, which has words between the parts of a handle.
_PAGE = re.compile(r"/frameworks/([^/]+)/variations/([^/]+)(?:/versions/(\d+))?$")
_HANDLE = re.compile(r"/models/[^/]+/[^/]+/(?P<framework>[^/]+)/[^/]+/\d+")

IF_REFUSED = (
    "check the handle; a model that asks for consent is only given to who is signed in: download it from its page and "
    "give its folder"
)


def is_handle(name: str) -> bool:
    return re.match(r"https?://", name) is not None


def plain(handle: str) -> str:
    """The handle as TensorFlow Hub writes it, if it is the address of the model's page at Kaggle."""
    parts = urllib.parse.urlsplit(handle)
    if parts.hostname not in _KAGGLE:
        return handle.rstrip("/")
    path = _PAGE.sub(r"/\1/\2/\3", parts.path.rstrip("/"))
    found = _HANDLE.fullmatch(path)
    if found is None:
        raise UserError(f"--architecture={handle} does not name a version of a model at Kaggle: expected {_FORM}")
    if found["framework"].lower() not in ("tensorflow1", "tensorflow2"):
        raise UserError(f"--architecture={handle} is a model for {found['framework']}: expected tensorFlow1 or 2")
    return f"{parts.scheme}://www.kaggle.com{path}"


def archive_url(handle: str) -> str:
    address = plain(handle)
    return address if address.endswith(_ARCHIVES) else f"{address}?tf-hub-format=compressed"


def folder_in_cache(handle: str) -> Path | None:
    """Where the library tensorflow_hub keeps the module, if it does, and its user said where."""
    cache = os.environ.get("TFHUB_CACHE_DIR")
    for name in dict.fromkeys((handle, plain(handle))) if cache else ():
        folder = Path(cache or "", hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest())
        if (folder / "saved_model.pb").is_file():
            return folder
    return None
