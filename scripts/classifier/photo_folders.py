"""Finds the photos in a folder and below it, and reads them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from scripts.classifier import pixels
from scripts.classifier.errors import UserError

_IMAGE_ENDINGS = {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".webp", ".avif", ".tif", ".tiff", ".heic", ".heif",
}  # fmt: skip

# A file changed twice within the clock's grain shows the same times for both contents, so what has
# changed just now has no stamp yet. Two seconds is the grain of FAT, the coarsest in use.
_TOO_FRESH_NS = 2_000_000_000


def at(place: str) -> Path:
    """What --image_dir names."""
    return Path(place)


class ReadPhoto(NamedTuple):
    data: bytes
    # As long as this stays the same, so does the content; None if that cannot be known.
    stamp: str | None


def read(image_dir: Path, path: str) -> ReadPhoto:
    """image_dir/path, or OSError. The stamp is what it was before the first byte was read."""
    place = os.path.join(image_dir, path)
    info = os.stat(place)
    with open(place, "rb") as file:
        data = file.read()
    fresh = time.time_ns() - max(info.st_mtime_ns, info.st_ctime_ns) <= _TOO_FRESH_NS
    return ReadPhoto(data, None if fresh else _stamp(info))


def stamp(image_dir: Path, path: str) -> str | None:
    """What `read` would give with the photo as it is now; None if it is not there."""
    try:
        return _stamp(os.stat(os.path.join(image_dir, path)))
    except OSError:
        return None


def size(image_dir: Path, path: str) -> int:
    """In bytes; 0 if it is not there."""
    try:
        return os.stat(os.path.join(image_dir, path)).st_size
    except OSError:
        return 0


def _stamp(info: os.stat_result) -> str:
    # A change of content changes at least the inode's own time (ctime), which no program can set back.
    return f"{info.st_size},{info.st_mtime_ns},{info.st_ctime_ns},{info.st_ino}"


def pictures_below(folder: Path) -> list[Path]:
    """All pictures in a folder and below it, in the order of their paths."""
    found = [Path(path) for path in _files_below(folder, set()) if is_photo(path)]
    if not found:
        raise UserError(f"{folder} holds no pictures: give a folder that does")
    return sorted(found)


def folders_in(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if not _is_hidden(entry.name) and entry.is_dir())


def _is_hidden(name: str) -> bool:
    """Folders and files that systems leave beside photos: .git, .DS_Store, __MACOSX, Thumbs.db."""
    return name.startswith(".") or name in ("__MACOSX", "@eaDir", "Thumbs.db", "desktop.ini")


def photos_below(image_dir: Path, folder: Path) -> tuple[list[str], list[str]]:
    """The photos in a folder and below it, and the other files, as paths relative to image_dir."""
    photos, others = [], []
    inside, prefix = folder.relative_to(image_dir).as_posix(), len(os.fspath(folder)) + 1
    for path in _files_below(folder, set()):
        relative = f"{inside}/{path[prefix:].replace(os.sep, '/')}"
        (photos if is_photo(path) else others).append(relative)
    return photos, others


def _files_below(folder: Path | str, seen: set[tuple[int, int]]) -> Iterator[str]:
    # Strings throughout: a Path object for each of a million photos takes seconds.
    info = os.stat(folder)
    if (info.st_dev, info.st_ino) in seen:
        return  # a link that leads back up
    seen.add((info.st_dev, info.st_ino))
    with os.scandir(folder) as entries:
        for entry in entries:
            if _is_hidden(entry.name):
                continue
            if entry.is_dir():
                yield from _files_below(entry.path, seen)
            elif entry.is_file():
                yield entry.path


def is_photo(path: str) -> bool:
    """By its ending, which saves opening it; where that says nothing, by how it starts."""
    if os.path.splitext(path)[1].lower() in _IMAGE_ENDINGS:
        return True
    try:
        with open(path, "rb") as file:
            return pixels.looks_like_image(file.read(pixels.SNIFFED_BYTES))
    except OSError:
        return False
