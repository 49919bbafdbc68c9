"""Unpacks a tar or zip archive into a folder, whole or not at all.

tarfile's own data filter does not help: it accepts links that stay inside and strips leading slashes, both of which are
refused here. The first releases of Python 3.10 lack it, and zipfile has none.
"""

from __future__ import annotations

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
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from .. import atomic_files, machine
from ..errors import UserError, in_short
from ..showing import Show, nowhere
from . import unpacked_sizes

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

# A member's name, its size, and its content; None for a folder.
Member = tuple[str, int, IO[bytes] | None]


def extract(
    archive: Path,
    destination: Path,
    *,
    top: str | None = None,
    show: Show = nowhere,
    arrange: Callable[[Path], None] | None = None,
    used: Iterable[Path] = (),
) -> Path:
    """Unpacks a tar, tar.gz or zip, recognised by its content, into a new folder and returns that.

    With `top`, `destination` becomes the folder of that name in the archive, and the rest is left out.
    Everything is unpacked to `<name>.extracting` first. A killed run leaves that behind, and the next one empties it.
    `arrange` may rearrange the files there before they appear as `destination`. `used` are deleted after that: if it is
    killed before, `tidy` deletes them. If two processes unpack it at once, one
    does the work. Links, devices and names that lead out of the folder are refused: a collection of photos has none.
    So are archives that unpack to far more than their own size, before that is written.
    """
    archive, destination = Path(archive), Path(destination)
    check_free(destination)
    try:
        with atomic_files.folder(unfinished_of(destination)) as unfinished:
            if destination.is_dir() and any(destination.iterdir()):
                delete(used)
                return destination  # another process unpacked it while this one waited
            _unpack(archive, unfinished, show)
            unpacked = _at_top(archive, unfinished, top)
            if arrange is not None:
                arrange(unpacked)
            atomic_files.put(unpacked, destination)
            delete(used)
    except unpacked_sizes.TooLarge as error:
        raise UserError(f"{archive} is not safe to unpack: {error}. Nothing was unpacked") from None
    except DAMAGE as error:
        raise UserError(
            f"{archive} is damaged, or not a tar, tar.gz or zip archive ({in_short(error)}): replace it"
        ) from None
    except OSError as error:
        raise UserError(f"cannot unpack {archive} to {destination}: {error.strerror or error}") from None
    return destination


def unfinished_of(destination: Path) -> Path:
    return destination.with_name(f"{destination.name}.extracting")


def delete(used: Iterable[Path]) -> None:
    for file in used:
        file.unlink(missing_ok=True)


def tidy(unfinished: Path, used: Iterable[Path]) -> None:
    """Ends what was killed after its folder had appeared. `unfinished` is then still there; without it, nothing is."""
    if not unfinished.is_dir():
        return
    try:
        with atomic_files.folder(unfinished):
            delete(used)
    except OSError as error:
        raise UserError(f"cannot remove {unfinished} ({error.strerror}): delete it yourself") from None


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
        free = machine.free_disk(folder)
        start = file.read(4)
        file.seek(0)
        members = _zip_members(archive, file) if start in (b"PK\3\4", b"PK\5\6") else _tar_members(archive, file)
        done = 0
        for name, size, content in members:
            free -= size
            if free < 0:
                raise UserError(
                    f"cannot unpack {archive}: {folder.parent} has no room for its {name!r}; free some space there"
                )
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


@contextlib.contextmanager
def opened_tar(file: IO[bytes], packed: int) -> Iterator[tuple[tarfile.TarFile, Bounded]]:
    """A tar or tar.gz of `packed` bytes, and the stream that it is read from; TooLarge if that grows too long."""
    start = file.read(2)
    file.seek(0)
    with contextlib.ExitStack() as stack:
        stream: Any = stack.enter_context(gzip.open(file)) if start == b"\x1f\x8b" else file
        bounded = Bounded(stream, packed)
        yield stack.enter_context(tarfile.open(fileobj=bounded, mode="r:")), bounded


def _tar_members(archive: Path, file: IO[bytes]) -> Iterator[Member]:
    packed = archive.stat().st_size
    with opened_tar(file, packed) as (tar, stream):
        while (member := tar.next()) is not None:
            if member.isdir():
                yield member.name, 0, None
            elif member.issparse():
                raise _refusal(archive, member.name, "has holes that are not in the archive, expected plain files")
            elif member.isreg():
                unpacked_sizes.check(stream.tell() + member.size, packed)
                yield member.name, member.size, tar.extractfile(member)
            else:
                raise _refusal(archive, member.name, "is a link or a device, expected files and folders only")
            tar.members.clear()  # type: ignore[attr-defined]  # else it keeps every member's header; not in typeshed
        # tarfile takes a broken header for the end. The real end is a block of zeros, followed by gzip's checksum,
        # which is checked by reading that far.
        if len(stream.last) != tarfile.BLOCKSIZE or any(stream.last):
            raise tarfile.ReadError("it ends without an end mark")
        while stream.read(CHUNK):
            pass


class Bounded(io.BufferedIOBase):
    """An unpacked stream that remembers the last read, and raises TooLarge once it is too long for its packed size."""

    def __init__(self, stream: IO[bytes], packed: int):
        self._stream, self._packed = stream, packed
        self.last = b""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= CHUNK:  # tarfile reads long names and attributes in one piece
            raise tarfile.ReadError("it has a header of more than a megabyte")
        self.last = self._stream.read(size)
        unpacked_sizes.check(self._stream.tell(), self._packed)
        return self.last

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        unpacked_sizes.check(offset, self._packed)
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()


def _zip_members(archive: Path, file: IO[bytes]) -> Iterator[Member]:
    with zipfile.ZipFile(file) as zipped:
        unpacked_sizes.check_zip(zipped, archive.stat().st_size)
        for member in zipped.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _refusal(archive, member.filename, "is a link or a device, expected files and folders only")
            if member.flag_bits & 1:
                raise _refusal(archive, member.filename, "is encrypted, expected plain files")
            content = None if member.filename.endswith("/") else zipped.open(member)
            yield member.filename, member.file_size, content


def _at_top(archive: Path, unfinished: Path, top: str | None) -> Path:
    source = unfinished if top is None else unfinished / top
    if not source.is_dir():
        found = ", ".join(sorted(path.name for path in unfinished.iterdir())[:5]) or "nothing"
        raise UserError(f"{archive} holds {found} at its top, expected a folder {top}: is it the right archive?")
    return source
