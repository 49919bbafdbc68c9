"""Remembers each photo's content digest, so that an unchanged photo need not be read again."""

from __future__ import annotations

import hashlib
import itertools
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from scripts.classifier import atomic_files

DIGEST_BYTES = 16

# A file changed twice within the clock's grain shows the same times for both contents, so what has
# changed just now is not remembered. Two seconds is the grain of FAT, the coarsest in use.
_TOO_FRESH_NS = 2_000_000_000


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:DIGEST_BYTES]


class PhotoDigests:
    """path -> digest, each with the size, times and inode that the file had when it was read.

    A change of content changes at least the inode's own time (ctime), which no program can set back.
    """

    def __init__(self, file: Path, image_dir: Path):
        self._file, self._root = file, os.path.abspath(image_dir)
        # The digest and, behind it, the stamp: one object for each photo, for there may be millions.
        self._known: dict[str, bytes] = _read(file)
        self._changed = False

    def get(self, path: str) -> bytes | None:
        """The digest of image_dir/path if the file has not changed since it was read, else None."""
        known = self._known.get(self._name(path))
        if known is None:
            return None
        try:
            return known[:DIGEST_BYTES] if known[DIGEST_BYTES:] == _stamp(os.stat(self._name(path))) else None
        except OSError:
            return None

    def put(self, path: str, info: os.stat_result, content: bytes) -> None:
        """`info` is what os.stat said before the file was read."""
        if time.time_ns() - max(info.st_mtime_ns, info.st_ctime_ns) > _TOO_FRESH_NS:
            self._known[self._name(path)] = content + _stamp(info)
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


def _stamp(info: os.stat_result) -> bytes:
    return b"%d,%d,%d,%d" % (info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino)


def _read(file: Path) -> dict[str, bytes]:
    """What was remembered; nothing if the file is damaged, since then the photos are simply read again."""
    known = {}
    try:
        with file.open("rb") as lines:
            expected, check = lines.readline(), 0
            for line in lines:
                check = zlib.crc32(line, check)
                fields = line.rstrip(b"\n").split(b" ", 2)
                if len(fields) == 3:
                    content, stamp, name = fields
                    known[name.decode("utf-8", "surrogateescape")] = bytes.fromhex(content.decode()) + stamp
    except (FileNotFoundError, ValueError):
        return {}
    return known if expected == b"%08x\n" % check else {}
