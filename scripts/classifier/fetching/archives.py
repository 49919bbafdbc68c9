"""Unpacks a tar or zip archive into a folder, whole or not at all.

tarfile's own data filter does not help: it accepts links that stay inside and strips leading slashes, both of which are
refused here. The first releases of Python 3.10 lack it, and zipfile has none.
"""

import contextlib
import gzip
import io
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from .. import atomic_files
from ..errors import UserError, in_short
from ..showing import Show, nowhere

CHUNK = 1 << 20
# The standard library raises all of these on damaged archives: a nonsensical size gives an OverflowError or a
# MemoryError, an unknown compression method a NotImplementedError, thousands of long names in a row a RecursionError.
DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    ValueError,
    OverflowError,
    MemoryError,
    NotImplementedError,
    RecursionError,
)

# A member's name, and its content; None for a folder.
Member = tuple[str, IO[bytes] | None]


def extract(
    archive: Path,
    destination: Path,
    *,
    top: str | None = None,
    show: Show = nowhere,
    arrange: Callable[[Path], None] | None = None,
) -> Path:
    """Unpacks a tar, tar.gz or zip, recognised by its content, into a new folder and returns that.

    With `top`, `destination` becomes the folder of that name in the archive, and the rest is left out.
    Everything is unpacked to `<name>.extracting` first. A killed run leaves that behind, and the next one empties it.
    `arrange` may rearrange the files there before they appear as `destination`. If two processes unpack it at once, one
    does the work. Links, devices and names that lead out of the folder are refused: a collection of photos has none.
    """
    archive, destination = Path(archive), Path(destination)
    check_free(destination)
    try:
        with atomic_files.folder(destination.with_name(f"{destination.name}.extracting")) as unfinished:
            if destination.is_dir() and any(destination.iterdir()):
                return destination  # another process unpacked it while this one waited
            _unpack(archive, unfinished, show)
            unpacked = _at_top(archive, unfinished, top)
            if arrange is not None:
                arrange(unpacked)
            os.rename(unpacked, destination)
    except DAMAGE as error:
        raise UserError(
            f"{archive} is damaged, or not a tar, tar.gz or zip archive ({in_short(error)}): replace it"
        ) from None
    except OSError as error:
        raise UserError(f"cannot unpack {archive} to {destination}: {error.strerror or error}") from None
    return destination


def check_free(destination: Path) -> None:
    """Raises unless `destination` can become an archive's folder: it is missing, or an empty folder."""
    try:
        taken = any(destination.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f"cannot unpack to {destination} ({error.strerror}): give another folder") from None
    if taken:
        raise UserError(f"{destination} holds other files, expected it missing or empty: give another folder")


def _unpack(archive: Path, folder: Path, show: Show) -> None:
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(archive.open("rb"))
        total = archive.stat().st_size
        advance = stack.enter_context(show(total))
        start = file.read(4)
        file.seek(0)
        if start in (b"PK\3\4", b"PK\5\6"):
            members = _zip_members(archive, file)
        else:
            stream = stack.enter_context(gzip.open(file)) if start.startswith(b"\x1f\x8b") else file
            members = _tar_members(archive, stream)
        done = 0
        for name, content in members:
            path = folder.joinpath(*_safe_parts(archive, name))
            if content is None:
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                with content, path.open("wb") as written:
                    shutil.copyfileobj(content, written, CHUNK)
            advance(file.tell() - done)
            done = file.tell()
        advance(total - done)


def _safe_parts(archive: Path, name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name).parts
    if not name:
        raise _refusal(archive, name, "has no name")
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise _refusal(archive, name, "leads out of the folder")
    return parts


def _refusal(archive: Path, name: str, why: str) -> UserError:
    return UserError(f"{archive} is not safe to unpack: its member {name!r} {why}. Nothing was unpacked")


def _tar_members(archive: Path, stream: io.BufferedIOBase) -> Iterator[Member]:
    watched = _Watched(stream)
    with tarfile.open(fileobj=watched, mode="r:") as tar:
        while (member := tar.next()) is not None:
            if member.isdir():
                yield member.name, None
            elif member.isreg():
                yield member.name, tar.extractfile(member)
            else:
                raise _refusal(archive, member.name, "is a link or a device, expected files and folders only")
            tar.members.clear()  # type: ignore[attr-defined]  # else it keeps every member's header; not in typeshed
    # tarfile takes a broken header for the end. The real end is a block of zeros, followed by gzip's checksum, which is
    # checked by reading that far.
    if len(watched.last) != tarfile.BLOCKSIZE or any(watched.last):
        raise tarfile.ReadError("it ends without an end mark")
    while stream.read(CHUNK):
        pass


class _Watched(io.BufferedIOBase):
    """A stream that remembers the last read."""

    def __init__(self, stream: io.BufferedIOBase):
        self._stream = stream
        self.last = b""

    def read(self, size: int | None = -1, /) -> bytes:
        self.last = self._stream.read(size)
        return self.last

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()


def _zip_members(archive: Path, file: IO[bytes]) -> Iterator[Member]:
    with zipfile.ZipFile(file) as zipped:
        for member in zipped.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _refusal(archive, member.filename, "is a link or a device, expected files and folders only")
            if member.flag_bits & 1:
                raise _refusal(archive, member.filename, "is encrypted, expected plain files")
            yield member.filename, None if member.filename.endswith("/") else zipped.open(member)


def _at_top(archive: Path, unfinished: Path, top: str | None) -> Path:
    source = unfinished if top is None else unfinished / top
    if not source.is_dir():
        found = ", ".join(sorted(path.name for path in unfinished.iterdir())[:5]) or "nothing"
        raise UserError(f"{archive} holds {found} at its top, expected a folder {top}: is it the right archive?")
    return source
