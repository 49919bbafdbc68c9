"""Remembers the digest of each photo's content, so that unchanged photos are not read again."""

from __future__ import annotations

import hashlib
import itertools
import zlib
from collections.abc import Iterator
from pathlib import Path

from .. import atomic_files
from . import folders

DIGEST_BYTES = 16


def beside(bottleneck_dir: Path) -> Path:
    """The file of digests of all photos whose bottlenecks are in a folder."""
    return bottleneck_dir / "photo_digests.txt"


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:DIGEST_BYTES]


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
        return (
            known[:DIGEST_BYTES]
            if stamp is not None and known[DIGEST_BYTES:] == stamp.encode("utf-8", "surrogateescape")
            else None
        )

    def put(self, path: str, stamp: str | None, content: bytes) -> None:
        """`stamp` belongs to this content. Without one, nothing is remembered."""
        if stamp is not None:
            self._known[self._name(path)] = content + stamp.encode("utf-8", "surrogateescape")
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
