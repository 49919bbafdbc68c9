"""Remembers the digest of each photo's content, so that unchanged photos are not read again."""

from __future__ import annotations

import hashlib
import itertools
import zlib
from collections.abc import Iterator
from pathlib import Path

from .. import atomic_files
from . import file_kinds, folders
from .url_folders import Url

DIGEST_BYTES = 16

# Formats of which some pictures are decoded differently since caches hold vectors of them. Their digests begin anew;
# raising _PREPROCESSING in bottlenecks/extraction.py would throw away the vectors of all other formats, too.
_DECODED_ANEW, _ANEW = ("TIFF", "PPM"), b"by its own depth"
# The mark of digests remembered since then, behind the photo's stamp.
_SINCE = b";2"
# How photos at a URL end that are decoded as before: looking into each would take a request.
_AS_BEFORE = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".avif")


def beside(bottleneck_dir: Path) -> Path:
    """The file of digests of all photos whose bottlenecks are in a folder."""
    return bottleneck_dir / "photo_digests.txt"


def digest(data: bytes) -> bytes:
    """The same for the same content. A photo that is decoded differently than it used to be gets another than it had:
    to all that was computed from it, it is another photo."""
    content = hashlib.sha256(data)
    if _is_decoded_anew(data):
        content.update(_ANEW)
    return content.digest()[:DIGEST_BYTES]


def _is_decoded_anew(head: bytes) -> bool:
    kind = file_kinds.readable(head)
    return kind is not None and kind.name in _DECODED_ANEW


class PhotoDigests:
    """path -> digest, with the photo's stamp at the time of reading."""

    def __init__(self, file: Path, image_dir: folders.Place):
        self._file, self._image_dir, self._root = file, image_dir, folders.absolute(image_dir)
        # The digest followed by the stamp, one object a photo because there may be millions.
        self._known: dict[str, bytes] = _read(file)
        self._changed = False

    def get(self, path: str) -> bytes | None:
        """The digest of image_dir/path if the file has not changed since it was read, else None."""
        known = self._known.get(self._name(path))
        if known is None:
            return None
        stamp = folders.stamp(self._image_dir, path)
        if stamp is None or known[DIGEST_BYTES:].removesuffix(_SINCE) != stamp.encode("utf-8", "surrogateescape"):
            return None
        if not known.endswith(_SINCE):
            if not self._is_decoded_as_before(path):
                return None
            self.put(path, stamp, known[:DIGEST_BYTES])
        return known[:DIGEST_BYTES]

    def _is_decoded_as_before(self, path: str) -> bool:
        place = self._image_dir / path
        if isinstance(place, Url):
            return path.lower().endswith(_AS_BEFORE)
        try:
            return not _is_decoded_anew(folders.beginning(place))
        except OSError:
            return False

    def put(self, path: str, stamp: str | None, content: bytes) -> None:
        """`stamp` belongs to this content. Without one, nothing is remembered."""
        if stamp is not None:
            self._known[self._name(path)] = content + stamp.encode("utf-8", "surrogateescape") + _SINCE
            self._changed = True

    def save(self) -> None:
        if not self._changed:
            return
        check = 0
        for line in self._lines():
            check = zlib.crc32(line, check)
        atomic_files.write_bytes(self._file, itertools.chain([b"%08x\n" % check], self._lines()))
        self._changed = False

    def _lines(self) -> Iterator[bytes]:
        for name, known in self._known.items():
            if "\n" not in name:
                content, stamp = known[:DIGEST_BYTES].hex().encode(), known[DIGEST_BYTES:]
                yield b"%s %s %s\n" % (content, stamp, name.encode("utf-8", "surrogateescape"))

    def _name(self, path: str) -> str:
        return f"{self._root}/{path}"


def _read(file: Path) -> dict[str, bytes]:
    """The remembered digests; none if the file is damaged, so that the photos are read again."""
    known = {}
    try:
        with file.open("rb") as lines:
            expected, check = lines.readline(), 0
            for line in lines:
                check = zlib.crc32(line, check)
                fields = line.rstrip(b"\n").split(b" ", 2)
                if len(fields) == 3:
                    content, stamp, name = fields
                    if len(content) != 2 * DIGEST_BYTES:
                        return {}
                    known[name.decode("utf-8", "surrogateescape")] = bytes.fromhex(content.decode()) + stamp
    except (FileNotFoundError, ValueError):
        return {}
    return known if expected == b"%08x\n" % check else {}
