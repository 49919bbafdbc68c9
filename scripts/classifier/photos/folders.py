"""Finds the photos in a folder and below it, and reads them."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ..errors import UserError
from . import file_kinds, url_folders, walking
from .url_folders import Url
from .walking import LeftOut

# A folder of photos, on disk or at a URL.
Place = Path | Url

_IMAGE_ENDINGS = file_kinds.endings()

# A file changed twice within the clock's resolution has the same time for both contents, so a file that changed just
# now gets no stamp yet. FAT has the coarsest resolution in use, two seconds.
_TOO_FRESH_NS = 2_000_000_000

# The largest picture that `pixels` opens takes 1.4 GB uncompressed. A file may claim a terabyte and hold nothing.
MOST_BYTES = 2 << 30

# Reading from a URL is mostly waiting.
_THREADS_A_CORE_FROM_AFAR = 4


def at(place: str) -> Place:
    """The folder that --image_dir names."""
    if not place.strip():
        raise UserError("--image_dir is empty: give a folder that holds one folder of photos for each label")
    if place.startswith("file://"):
        return Path(place.removeprefix("file://"))
    return url_folders.opened(place) if "://" in place else Path(place)


def absolute(place: Place) -> str:
    """A name that does not depend on the current folder."""
    return str(place) if isinstance(place, Url) else os.path.abspath(place)


def readers(image_dir: Place, cores: int) -> int:
    """The number of threads that keep these cores busy with photos from there."""
    return cores * _THREADS_A_CORE_FROM_AFAR if isinstance(image_dir, Url) else cores


class ReadPhoto(NamedTuple):
    data: bytes
    # As long as it stays the same, so does the content; None if that cannot be known.
    stamp: str | None


def read(image_dir: Place, path: str) -> ReadPhoto:
    """image_dir/path, or OSError. The stamp is from before the first byte was read."""
    if isinstance(image_dir, Url):
        photo = image_dir / path
        before = photo.stamp()
        return ReadPhoto(photo.read_bytes(), before)
    place = os.path.join(image_dir, path)
    info = os.stat(place)
    data = contents(Path(place))
    fresh = time.time_ns() - max(info.st_mtime_ns, info.st_ctime_ns) <= _TOO_FRESH_NS
    return ReadPhoto(data, None if fresh else _stamp(info))


def contents(photo: Place) -> bytes:
    """The bytes of a photo, or OSError, which a file that is too large to be one also gives."""
    size = photo.size() if isinstance(photo, Url) else os.stat(photo).st_size
    if size > MOST_BYTES:
        raise OSError(errno.EFBIG, f"{size:,} bytes, expected a photo of at most {MOST_BYTES:,}")
    return photo.read_bytes()


def stamp(image_dir: Place, path: str) -> str | None:
    """The stamp that `read` would return now; None if the photo is not there."""
    if isinstance(image_dir, Url):
        return (image_dir / path).stamp()
    try:
        return _stamp(os.stat(os.path.join(image_dir, path)))
    except OSError:
        return None


def size(image_dir: Place, path: str) -> int:
    """The size in bytes; 0 if the photo is not there or its size is unknown."""
    if isinstance(image_dir, Url):
        return (image_dir / path).size()
    try:
        return os.stat(os.path.join(image_dir, path)).st_size
    except OSError:
        return 0


def _stamp(info: os.stat_result) -> str:
    # Any change of content changes at least the inode's time (ctime), which no program can set back.
    return f"{info.st_size},{info.st_mtime_ns},{info.st_ctime_ns},{info.st_ino}"


def pictures_below(folder: Path, left_out: LeftOut | None = None) -> list[Path]:
    """All pictures in a folder and below it, in the order of their paths. What is none, or cannot be followed, is
    left out."""
    left_out = LeftOut() if left_out is None else left_out
    above = walking.identities_above(folder)
    found, others = [], {}
    for path in walking.files_below(folder, _is_hidden, left_out, above):
        what = what_else(path)
        if what is None:
            found.append(Path(path))
        else:
            others[path] = what
    left_out.other_files.update(others)
    if not found:
        why = "".join(f" ({words})" for words in walking.described(left_out))
        raise UserError(f"{folder} holds no pictures{why}: give a folder of photos")
    return sorted(found)


def folders_in(folder: Place, left_out: LeftOut | None = None) -> list[str]:
    """The names of the folders directly in it."""
    left_out = LeftOut() if left_out is None else left_out
    if isinstance(folder, Url):
        return [name for name in folder.names()[0] if not _is_hidden(name)]
    try:
        with os.scandir(folder) as entries:
            shown = [entry for entry in entries if not _is_hidden(entry.name)]
    except OSError:
        return []  # looking for its photos says why
    return sorted(entry.name for entry in shown if walking.is_folder(entry, left_out))


def names_in(folder: Place) -> list[str]:
    if isinstance(folder, Url):
        return sorted(folder.names()[0] + folder.names()[1])
    return sorted(os.listdir(folder))


def photos_in(image_dir: Place, inside: str = "") -> list[str]:
    """The photos directly in image_dir/inside, as paths relative to image_dir."""
    folder = image_dir / inside
    if isinstance(folder, Url):
        return [
            file for name in folder.names()[1] if is_photo(folder / name) and (file := f"{inside}/{name}".strip("/"))
        ]
    try:
        with os.scandir(folder) as entries:
            shown = [entry for entry in entries if not _is_hidden(entry.name)]
    except OSError:
        return []
    links = LeftOut()  # `folders_in` tells of them
    names = sorted(each.name for each in shown if not walking.is_folder(each, links) and each.path not in links)
    names = [name for name in names if os.path.isfile(os.path.join(folder, name))]
    return [f"{inside}/{name}".strip("/") for name in names if is_photo(os.path.join(folder, name))]


def _is_hidden(name: str) -> bool:
    """Folders and files that systems leave among photos: .git, .DS_Store, __MACOSX, Thumbs.db."""
    return name.startswith(".") or name in ("__MACOSX", "@eaDir", "Thumbs.db", "desktop.ini")


def photos_below(image_dir: Place, inside: str, left_out: LeftOut) -> tuple[list[str], dict[str, str]]:
    """The photos in image_dir/inside and below it, and what the other files are; paths are relative to image_dir.

    A link to image_dir or to a folder above it is left out: all photos would get this label.
    """
    photos: list[str] = []
    others: dict[str, str] = {}
    folder = image_dir / inside
    files: Iterable[tuple[str, str | Place]]
    if isinstance(folder, Url):
        files = (
            (file.inside, file) for file in folder.files_below() if not any(map(_is_hidden, file.inside.split("/")))
        )
    else:
        root = Path(str(image_dir))
        prefix = len(os.path.join(os.fspath(folder), ""))
        above = walking.identities_above(root) | walking.identities_above(folder)
        if inside:
            above |= walking.identities(root)
        found = walking.files_below(folder, _is_hidden, left_out, above)
        files = ((f"{inside}/{path[prefix:].replace(os.sep, '/')}".lstrip("/"), path) for path in found)
    for relative, path in files:
        what = what_else(path)
        if what is None:
            photos.append(relative)
        else:
            others[relative] = what
    return photos, others


def is_photo(path: str | Place) -> bool:
    return what_else(path) is None


def what_else(path: str | Place) -> str | None:
    """None for a photo, by the file's ending, which saves opening it, or by its first bytes; else what it is."""
    if os.path.splitext(str(path))[1].lower() in _IMAGE_ENDINGS:
        return None
    try:
        head = beginning(path)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None if file_kinds.is_picture(head) else file_kinds.why_not(head)


def beginning(path: str | Place) -> bytes:
    """As many bytes as tell what a file is; or OSError."""
    if isinstance(path, Url):
        return path.read_bytes(file_kinds.SNIFFED_BYTES)
    with open(path, "rb") as file:
        return file.read(file_kinds.SNIFFED_BYTES)
