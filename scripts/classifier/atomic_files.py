"""Makes a file or a folder appear whole or not at all, even if the power is cut."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from . import locks
from .errors import UserError

# What file systems answer that cannot write out a file or folder on demand: they do it in their own time.
_NOT_SUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)
_SWAP = 2  # RENAME_EXCHANGE of Linux, and RENAME_SWAP of macOS
# What the system says of places that this user may perhaps read but not write.
READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


def write_bytes(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Writes to a temporary file in the same folder, which is made if necessary, then renames it."""
    write_together({path: data})


def write_together(files: Mapping[Path, bytes | Iterable[bytes]], former: Iterable[Path] = ()) -> None:
    """Renames the files, in this order, only once all have been written: hardly a moment is left for a kill.

    The `former` files are removed just before, for readers who could not tell that others are not theirs.
    """
    with contextlib.ExitStack() as stack:
        ready = [(stack.enter_context(_written(path, data)), path) for path, data in files.items()]
        for path in former:
            with _told(path):
                path.unlink(missing_ok=True)
        for temporary, path in ready:
            with _told(path):
                os.replace(temporary, path)
        for place in dict.fromkeys(path.parent for path in files):
            with _told(place):
                sync_folder(place)


@contextlib.contextmanager
def _written(path: Path, data: bytes | Iterable[bytes]) -> Iterator[Path]:
    """The temporary file with the data, safe from a power cut; removed at the end unless it has been renamed."""
    check(path)
    temporary = _temporary(path)
    with contextlib.ExitStack() as stack:
        with _told(path):
            clear(path.parent, re.escape(path.name))
            descriptor = stack.enter_context(locks.sole_owner(temporary))
            try:
                os.ftruncate(descriptor, 0)
                with open(descriptor, "wb", closefd=False) as file:
                    for piece in [data] if isinstance(data, bytes) else data:
                        file.write(piece)
                _sync(descriptor)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        try:
            yield temporary
        finally:
            if locks.holds(descriptor, temporary):
                temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; give a place that can be written") from None


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def clear(folder: Path, names: str) -> None:
    """Removes the temporary files of killed processes: those that nobody holds. `names` is a regular expression."""
    ours = re.compile(rf"\.{names}\.\d+\.tmp")
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if ours.fullmatch(name):
                with contextlib.suppress(OSError), (folder / name).open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    (folder / name).unlink()


def _sync(descriptor: int) -> None:
    """Once this returns, the content survives a power cut, as far as the file system can promise it."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED:
            raise


def sync_folder(folder: Path) -> None:
    """Makes the names in it survive a power cut."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return  # it can be written but not listed
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)


def check(path: Path) -> None:
    """Fails before long work if write_bytes would fail after it."""
    if path.is_dir():
        raise UserError(f"cannot write {path}: it is a folder; give the name of a file")
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with locks.sole_owner(_temporary(path)):
            _temporary(path).unlink()


def check_folder(path: Path, flag: str) -> None:
    """Fails before long work if a folder, which need not exist yet, could not be written to after it."""
    absolute = path.absolute()
    place = next(each for each in (absolute, *absolute.parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            pass  # it has no name, so nothing is left if this process is killed
    except OSError as error:
        raise UserError(f"cannot write to {path}: {error.strerror}; give another --{flag}") from None


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode("utf-8", "surrogateescape"))


@contextlib.contextmanager
def folder(unfinished: Path) -> Iterator[Path]:
    """An empty folder to work in, removed at the end unless it has been renamed.

    `unfinished` must be beside its destination. The last step is to rename it, or a folder in it, with
    `put(unfinished, destination)`. Only one process at a time gets it: one that had to wait should check if the work
    is done. Anything left by a killed process is removed first.
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


def put(unfinished: Path, destination: Path) -> None:
    """Renames a folder to its destination, where there may be an empty folder, once its files survive a power cut."""
    _sync_all(unfinished)
    os.rename(unfinished, destination)
    sync_folder(destination.parent)


def replace(unfinished: Path, destination: Path) -> None:
    """Like `put`, but also replaces a folder with files in it, and at no moment is there none.

    The former one is then at `unfinished`, and is removed with it. Use it in `folder`, whose lock it needs.
    """
    _sync_all(unfinished)
    if not destination.exists():
        os.rename(unfinished, destination)
    elif not _exchange(unfinished, destination):
        former = destination.with_name(f".{destination.name}.{os.getpid()}.old")
        os.replace(destination, former)
        try:
            os.replace(unfinished, destination)
        except OSError:
            os.replace(former, destination)
            raise
    sync_folder(destination.parent)
    ours = re.compile(rf"\.{re.escape(destination.name)}\.\d+\.old")
    for name in os.listdir(destination.parent):
        if ours.fullmatch(name):  # also those of killed processes
            shutil.rmtree(destination.parent / name, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Swaps two names in one step; False if the system or the file system cannot, as some on a network."""
    system = ctypes.CDLL(None)
    names = os.fsencode(one.absolute()), os.fsencode(other.absolute())
    if hasattr(system, "renameat2"):  # Linux; any folder will do before absolute names
        return system.renameat2(0, names[0], 0, names[1], _SWAP) == 0
    return hasattr(system, "renamex_np") and system.renamex_np(*names, _SWAP) == 0  # macOS


def _sync_all(folder: Path) -> None:
    """Writes out the whole file system: for thousands of photos, that is far faster than one by one."""
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if syncfs(descriptor) and ctypes.get_errno() not in _NOT_SUPPORTED:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    finally:
        os.close(descriptor)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
