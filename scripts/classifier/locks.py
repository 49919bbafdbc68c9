"""Lets one process at a time work on an unfinished file or folder."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

# What file systems without locks answer: one process alone can work there.
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP)


@contextlib.contextmanager
def sole_owner(path: Path, *, folder: bool = False) -> Iterator[int]:
    """Creates `path` if it is missing, waits for the lock on it, and yields its file descriptor.

    The system drops the lock when its owner ends, however it ends. An owner's last step may be to rename or remove
    `path`: a process that waited then holds the lock of a stale file, and tries again.
    """
    while True:
        descriptor = _open(path, folder)
        if descriptor is None:
            continue
        try:
            _lock(descriptor)
            if holds(descriptor, path):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def holds(descriptor: int, path: Path) -> bool:
    """True if `path` is still the file that was opened, not a newer one."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _open(path: Path, folder: bool) -> int | None:
    """None if the owner of a folder removed it before it could be opened."""
    if not folder:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    with contextlib.suppress(FileExistsError):
        path.mkdir()
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
