"""Downloads a URL to a local file, and verifies it."""

import contextlib
import hashlib
import os
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .. import atomic_files
from ..errors import UserError
from ..locks import sole_owner
from ..showing import Show, nowhere
from . import connection_errors, transfers
from .connection_errors import TransferFailed
from .transfers import Patience


class Unavailable(UserError):
    """The file cannot be fetched from its place: another time or another place may work."""


class Refused(Unavailable):
    """The file's own server has no such file, or not for everybody."""

    def __init__(self, text: str, answer: str):
        super().__init__(text)
        self.answer = answer


def fetch(
    url: str,
    destination: Path,
    *,
    sha256: str | None = None,
    md5: str | None = None,
    size: int | None = None,
    patience: Patience | None = None,
    show: Show = nowhere,
) -> Path:
    """Returns `destination` once it holds the file at `url`, which is downloaded only if it is not there yet.

    The bytes of an interrupted fetch are kept beside it in `<name>.part`, and the next fetch continues there. A file
    with a wrong checksum stays until it can be replaced. Several processes may fetch the same file.

    If no checksum is given, the sha256 of the first file fetched is written to `<name>.sha256` (as `sha256sum`
    writes it) and expected from then on. It shows that the file has not changed, not that it was ever right.

    With the environment variable POETS_MIRROR set to a folder or a URL, files come from `<host>/<path>` in it and
    from nowhere else. http_proxy, https_proxy and no_proxy apply.
    """
    destination = Path(destination)
    expected = _Expected.of(destination, sha256, md5, size)
    flaw = expected.flaw_of(destination)
    if flaw is not None:
        try:
            _download(url, destination, expected, patience or Patience(), show)
        except Unavailable as error:
            if destination.exists():
                raise Unavailable(f"{destination} is damaged ({flaw}) and cannot be replaced: {error}") from None
            raise
    if not expected.checksums:
        line = f"{_digest(destination, 'sha256')}  {destination.name}\n"
        atomic_files.write_text(_record_of(destination), line)
    return destination


def remaining_bytes(
    destination: Path, *, sha256: str | None = None, md5: str | None = None, size: int | None = None
) -> int | None:
    """The bytes that `fetch` would still have to transfer: 0 if the file is there, None if unknown."""
    destination = Path(destination)
    if _Expected.of(destination, sha256, md5, size).flaw_of(destination) is None:
        return 0
    if size is None:
        return None
    with contextlib.suppress(OSError):
        size -= min(size, _partial_of(destination).stat().st_size)
    return size


@dataclass(frozen=True)
class _Expected:
    size: int | None
    checksums: dict[str, str]
    record: Path | None  # the file that keeps the checksum, if none was given

    @classmethod
    def of(cls, destination: Path, sha256: str | None, md5: str | None, size: int | None) -> "_Expected":
        checksums = {name: value.lower() for name, value in (("sha256", sha256), ("md5", md5)) if value is not None}
        record = None if checksums else _record_of(destination)
        if record is not None and record.exists() and record.stat().st_size:  # a power cut may have emptied it
            words = record.read_text("utf-8", "replace").split()
            if not words or len(words[0]) != 64:
                raise UserError(f"{record} does not begin with a sha256: delete it, and it is written again")
            checksums["sha256"] = words[0].lower()
        return cls(size, checksums, record)

    def flaw_of(self, path: Path) -> str | None:
        """Says why a file is not the expected one; None if it is."""
        try:
            found = path.stat().st_size
            if path.is_dir():
                raise UserError(f"{path} is a folder, expected a file or nothing: move it away")
            if self.size is not None and found != self.size:
                return f"{found} bytes, expected {self.size}"
            for name, value in self.checksums.items():
                digest = _digest(path, name)
                if digest != value:
                    origin = f", as recorded in {self.record}" if self.record is not None else ""
                    return f"its {name} is {digest}, expected {value}{origin}"
        except FileNotFoundError:
            return "it is missing"
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from None
        return None


def _download(url: str, destination: Path, expected: _Expected, patience: Patience, show: Show) -> None:
    source, advice = _source(url)
    partial = _partial_of(destination)
    validator = partial.with_name(f"{partial.name}.version")
    with _partial_file(partial) as descriptor:
        if destination.exists() and expected.flaw_of(destination) is None:
            return  # another process fetched it while this one waited
        while True:
            try:
                if isinstance(source, Path):
                    resumed = _copy(source, descriptor, partial, show)
                else:
                    resumed = transfers.transfer(
                        source,
                        descriptor,
                        validator,
                        size=expected.size,
                        resume=bool(expected.checksums),
                        patience=patience,
                        show=show,
                    )
            except TransferFailed as error:
                text = f"cannot fetch {url}: {error}; {advice}"
                if isinstance(error, connection_errors.Refused) and source == url:
                    raise Refused(text, str(error)) from None
                raise Unavailable(text) from None
            flaw = expected.flaw_of(partial)
            if flaw is None:
                break
            os.ftruncate(descriptor, 0)
            if not resumed:
                raise Unavailable(f"{source} is not the expected file: {flaw}; {advice}")
        os.fsync(descriptor)
        # First, as the next run would not look for it. Without it, a whole file is still recognised.
        validator.unlink(missing_ok=True)
        partial.replace(destination)
        atomic_files.sync_folder(destination.parent)


@contextlib.contextmanager
def _partial_file(partial: Path) -> Iterator[int]:
    """The partial file, open for appending and held by this process alone; removed if it stays empty."""
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        with sole_owner(partial) as descriptor:
            try:
                yield descriptor
            finally:
                if os.fstat(descriptor).st_size == 0 and partial.exists():
                    partial.unlink()
                    partial.with_name(f"{partial.name}.version").unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {partial} ({error.strerror}): give a folder that can be written") from None


def _source(url: str) -> tuple[str | Path, str]:
    """The place that a URL's file is really taken from, and what to do if that fails."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"cannot fetch {url!r}: expected a URL that begins with http:// or https://")
    place = parts.netloc.rpartition("@")[2] + parts.path
    mirror = os.environ.get("POETS_MIRROR", "")
    if not mirror:  # an empty variable counts as unset, as with http_proxy
        return url, f"try again later, or set POETS_MIRROR to a folder or URL that holds {place}"
    advice = f"only the mirror POETS_MIRROR={mirror} was tried: put the file there as {place}, or unset POETS_MIRROR"
    target = urllib.parse.urlsplit(mirror)
    if target.scheme in ("http", "https"):
        return f"{mirror.rstrip('/')}/{place}{'?' if parts.query else ''}{parts.query}", advice
    if target.scheme and target.scheme != "file":
        raise UserError(f"POETS_MIRROR is {mirror}, expected a folder or a URL that begins with http, https or file")
    folder = Path(urllib.request.url2pathname(target.path) if target.scheme else mirror)
    if not folder.is_dir():
        raise UserError(f"POETS_MIRROR is {mirror}, which is not a folder: set it to one, or unset it")
    return folder / urllib.parse.unquote(place), advice


def _copy(source: Path, descriptor: int, partial: Path, show: Show) -> bool:
    try:
        with source.open("rb") as file:
            os.ftruncate(descriptor, 0)
            with show(source.stat().st_size, 0) as advance:
                while chunk := file.read(transfers.CHUNK):
                    transfers.append(chunk, descriptor, partial.parent)
                    advance(len(chunk))
    except OSError as error:
        raise TransferFailed(f"cannot read {source} ({error.strerror})") from None
    return False


def _digest(path: Path, algorithm: str) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _partial_of(destination: Path) -> Path:
    return destination.with_name(f"{destination.name}.part")


def _record_of(destination: Path) -> Path:
    return destination.with_name(f"{destination.name}.sha256")
