"""Remembers each photo's content digest, so that an unchanged photo need not be read again."""

from __future__ import annotations

import hashlib
import os
import time
import zlib
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
        self._known = _read(file)
        self._changed = False

    def get(self, path: str) -> bytes | None:
        """The digest of image_dir/path if the file has not changed since it was read, else None."""
        known = self._known.get(self._name(path))
        if known is None:
            return None
        try:
            return known[1] if known[0] == _stamp(os.stat(self._name(path))) else None
        except OSError:
            return None

    def put(self, path: str, info: os.stat_result, content: bytes) -> None:
        """`info` is what os.stat said before the file was read."""
        if time.time_ns() - max(info.st_mtime_ns, info.st_ctime_ns) > _TOO_FRESH_NS:
            self._known[self._name(path)] = (_stamp(info), content)
            self._changed = True

    def save(self) -> None:
        if not self._changed:
            return
        lines = [
            f"{content.hex()} {stamp} {name}" for name, (stamp, content) in self._known.items() if "\n" not in name
        ]
        body = "\n".join(lines).encode("utf-8", "surrogateescape")
        atomic_files.write_bytes(self._file, b"%08x\n" % zlib.crc32(body) + body)
        self._changed = False

    def _name(self, path: str) -> str:
        return f"{self._root}/{path}"


def _stamp(info: os.stat_result) -> str:
    return f"{info.st_size},{info.st_mtime_ns},{info.st_ctime_ns},{info.st_ino}"


def _read(file: Path) -> dict[str, tuple[str, bytes]]:
    """What was remembered; nothing if the file is damaged, since then the photos are simply read again."""
    try:
        check, _, body = file.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return {}
    if check != b"%08x" % zlib.crc32(body):
        return {}
    known = {}
    for line in body.decode("utf-8", "surrogateescape").split("\n"):
        if line:
            content, stamp, name = line.split(" ", 2)
            known[name] = (stamp, bytes.fromhex(content))
    return known
