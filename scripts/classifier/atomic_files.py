"""Makes a file or a folder appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from . import locks
from .errors import UserError

# What the system says of places that this user may perhaps read but not write.
READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


def write_bytes(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Writes to a temporary file in the same folder, which is made if necessary, then renames it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    check(path)
    try:
        with temporary.open("wb") as file:
            for piece in [data] if isinstance(data, bytes) else data:
                file.write(piece)
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; give a place that can be written") from None
    finally:
        temporary.unlink(missing_ok=True)


def check(path: Path) -> None:
    """Fails before long work if write_bytes would fail after it."""
    if path.is_dir():
        raise UserError(f"cannot write {path}: it is a folder; give the name of a file")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
        temporary.unlink()
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; give a place that can be written") from None


def check_folder(path: Path, flag: str) -> None:
    """Fails before long work if a folder, which need not exist yet, could not be written to after it."""
    absolute = path.absolute()
    place = next(each for each in (absolute, *absolute.parents) if each.exists())
    try:
        with tempfile.TemporaryDirectory(dir=place):
            pass
    except OSError as error:
        raise UserError(f"cannot write to {path}: {error.strerror}; give another --{flag}") from None


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode("utf-8", "surrogateescape"))


@contextlib.contextmanager
def folder(unfinished: Path) -> Iterator[Path]:
    """An empty folder to work in, removed at the end unless it has been renamed.

    `unfinished` must be beside its destination. The last step is to rename it, or a folder in it, with
    `os.rename(unfinished, destination)`, which may replace an empty folder. Only one process at a time gets it: one
    that had to wait should check if the work is done. Anything left by a killed process is removed first.
    """
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    with locks.sole_owner(unfinished, folder=True) as descriptor:
        try:
            _empty(unfinished)
            yield unfinished
        finally:
            # After the rename, another process may be working in a new folder of the same name.
            if locks.holds(descriptor, unfinished):
                shutil.rmtree(unfinished, ignore_errors=True)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
