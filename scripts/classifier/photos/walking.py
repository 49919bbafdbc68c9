"""Walks through folders on disk, however deep, and leaves out with a reason what cannot or should not be followed."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from . import wording
from .wording import counted


class LeftOut(dict[str, str]):
    """path -> why it was left out: folders and links that cannot be followed."""

    def __init__(self) -> None:
        super().__init__()
        self.other_files: dict[str, str] = {}  # path -> what it is instead of a picture


# What tells a folder from all others.
Identity = tuple[int, int]

# Folders that the system makes up: they hold no photos, may be endless, and some of their files never end.
_MADE_UP = ("/proc", "/sys")

_LONGEST_PATH = 400  # in a message: paths may have thousands of characters


def files_below(start: Path, hidden: Callable[[str], bool], left_out: LeftOut, above: set[Identity]) -> Iterator[str]:
    """The files in a folder and below it, but for names that are `hidden`. Links to folders in `above` stay out.

    A folder that several links lead to counts once.
    """
    # Strings, because Path objects for a million photos take seconds. No recursion, because folders may be deep.
    waiting, seen = [os.fspath(start)], set()
    while waiting:
        folder = waiting.pop()
        try:
            info = os.stat(folder)
            identity = (info.st_dev, info.st_ino)
            if identity in seen:
                continue
            seen.add(identity)
            if identity in above:
                left_out[folder] = "it is a link to a folder above it"
                continue
            if info.st_dev in _made_up_devices():
                left_out[folder] = "it leads to the system's own files"
                continue
            with os.scandir(folder) as entries:
                for entry in entries:
                    if hidden(entry.name):
                        continue
                    if is_folder(entry, left_out):
                        waiting.append(entry.path)
                    elif entry.path not in left_out and entry.is_file():
                        yield entry.path
        except OSError as error:
            left_out[folder] = _unreadable(error)


def is_folder(entry: os.DirEntry, left_out: LeftOut) -> bool:
    """False for what cannot be looked at, such as a link to itself."""
    try:
        return entry.is_dir()
    except OSError as error:
        left_out[entry.path] = _unreadable(error)
        return False


def identities_above(folder: Path) -> set[Identity]:
    """Those of the folders that hold this one, wherever links lead."""
    return {identity for parent in Path(os.path.realpath(folder)).parents for identity in identities(parent)}


def identities(folder: Path) -> set[Identity]:
    """That of the folder; none if it cannot be looked at."""
    try:
        info = os.stat(folder)
    except OSError:
        return set()
    return {(info.st_dev, info.st_ino)}


def described(left_out: LeftOut) -> list[str]:
    """What to tell the user."""
    others = wording.not_photos({_shown(path): reason for path, reason in left_out.other_files.items()})
    if not left_out:
        return others
    path, reason = min(left_out.items())
    more = f"; so {'is' if len(left_out) == 2 else 'are'} {counted(len(left_out) - 1, 'other')}"
    return [f"{_shown(path)} is left out, because {reason}{more if len(left_out) > 1 else ''}", *others]


def _shown(path: str) -> str:
    return path if len(path) <= _LONGEST_PATH else f"{path[: _LONGEST_PATH // 2]} ... {path[-_LONGEST_PATH // 2 :]}"


def _unreadable(error: OSError) -> str:
    return f"it cannot be read ({error.strerror})"


@functools.cache
def _made_up_devices() -> frozenset[int]:
    return frozenset(os.stat(place).st_dev for place in _MADE_UP if os.path.ismount(place))
