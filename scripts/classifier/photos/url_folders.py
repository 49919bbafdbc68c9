"""Folders of photos at URLs that fsspec reads (s3://, gs://, https:// ...), with the methods of a Path."""

from __future__ import annotations

import datetime
import email.utils
import errno
import time
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

from .. import invocation
from ..errors import UserError, in_short

_WEB = ("http", "https")
_LISTED_AT_ONCE = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss")
_PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "http": "aiohttp", "https": "aiohttp"}

# The fields with which storages identify a file's content, the most reliable first.
_VERSIONS = ("ETag", "etag", "generation", "VersionId", "md5Hash", "Content-MD5")
_TIMES = ("LastModified", "last_modified", "Last-Modified", "updated", "mtime", "created")
_TOO_FRESH_SECONDS = 2.0

_ASKED_AT_ONCE = 32
_ATTEMPTS, _FIRST_PAUSE_SECONDS = 4, 0.5


class Url:
    """A folder or a file. The tree is listed once, for all places made from it with `/`."""

    def __init__(self, tree: _Tree, inside: str = ""):
        self._tree, self.inside = tree, inside

    def __str__(self) -> str:
        return self._tree.url_of(self.inside)

    def __truediv__(self, name: str) -> Url:
        return Url(self._tree, f"{self.inside}/{name}".strip("/"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Url) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def resolve(self) -> Url:
        return self

    @property
    def name(self) -> str:
        return self.inside.rpartition("/")[2]

    def as_posix(self) -> str:
        return str(self)

    def exists(self) -> bool:
        return self.is_file() or self.is_dir()

    def is_dir(self) -> bool:
        return bool(self._tree.below(self.inside))

    def is_file(self) -> bool:
        return self.inside in self._tree.files

    def names(self) -> tuple[list[str], list[str]]:
        """The folders and the files directly in it."""
        below = self._tree.below(self.inside)
        folders = sorted(name for name, content in below.items() if content is not None)
        return folders, sorted(name for name, content in below.items() if content is None)

    def files_below(self) -> Iterator[Url]:
        waiting = [self]
        while waiting:
            here = waiting.pop()
            folders, files = here.names()
            yield from (here / name for name in files)
            waiting += [here / name for name in reversed(folders)]

    def read_bytes(self, most: int | None = None) -> bytes:
        """The whole file, or at most its first `most` bytes; or OSError."""
        return self._tree.read(self.inside, most)

    def stamp(self) -> str | None:
        """Changes whenever the content does; None if the storage does not say."""
        return self._tree.stamp(self.inside)

    def size(self) -> int:
        """The size in bytes; 0 if the storage does not say."""
        return (self._tree.info(self.inside) or {}).get("size") or 0


def opened(url: str) -> Url:
    scheme = urllib.parse.urlsplit(url).scheme
    try:
        import fsspec
        from fsspec.registry import known_implementations
    except ModuleNotFoundError:
        raise UserError(
            f"{url} needs the package fsspec, which is not installed: {invocation.install('cluster')}"
        ) from None
    try:
        files = fsspec.filesystem(scheme)
    except ImportError:
        package = _PACKAGES.get(scheme, known_implementations[scheme]["class"].partition(".")[0])
        raise UserError(f"{url} needs the package {package}, which is not installed: pip install {package}") from None
    except ValueError:
        raise UserError(f"cannot read {url}: expected a folder, or a URL such as s3://, gs:// or https://") from None
    return Url(_Tree(files, url.rstrip("/"), scheme))


class _Tree:
    def __init__(self, storage, root: str, scheme: str):
        self._storage, self._root, self._web = storage, root, scheme in _WEB
        # Most storages list folders one by one and silently skip those that fail, unless told to raise errors. Others
        # list everything at once, and do not know this setting.
        self._strictly = {} if scheme in _LISTED_AT_ONCE else {"on_error": "raise"}

    def url_of(self, path: str) -> str:
        if not path:
            return self._root
        return f"{self._root}/{urllib.parse.quote(path) if self._web else path}"

    @cached_property
    def files(self) -> dict[str, dict]:
        """The storage's information on each file, by its path from the root."""
        start = self._root + "/" if self._web else self._root
        try:
            found = self._storage.find(start, detail=True, **self._strictly)
            if not found:
                self._storage.ls(start)  # raises the reason
        except FileNotFoundError:
            return {}
        except Exception as error:  # each storage has its own exceptions
            raise UserError(f"{self._root} cannot be listed: {in_short(error)}") from None
        prefix = len(self._storage._strip_protocol(self._root).rstrip("/")) + 1
        paths = ((name[prefix:], info) for name, info in found.items() if len(name) >= prefix)
        if self._web:  # a listing page also has links that sort it differently
            paths = ((urllib.parse.unquote(path), info) for path, info in paths if not set(path) & set("?#"))
        # A name cannot be empty: a folder without one would hold itself.
        return {path: info for path, info in paths if all(path.split("/"))}

    @cached_property
    def _root_folder(self) -> dict:
        root: dict = {}
        for path in self.files:
            *folders, name = path.split("/")
            folder = root
            for each in folders:
                if folder.get(each) is None:  # also if a file is called the same, which storages allow
                    folder[each] = {}
                folder = folder[each]
            folder.setdefault(name, None)
        return root

    def below(self, path: str) -> dict:
        """name -> the same for a folder, None for a file; empty if `path` is not a folder."""
        folder: dict | None = self._root_folder
        for each in filter(None, path.split("/")):
            folder = folder.get(each) if folder else None
        return folder or {}

    def read(self, path: str, most: int | None) -> bytes:
        pauses = [_FIRST_PAUSE_SECONDS * 2**attempt for attempt in range(_ATTEMPTS - 1)]
        while True:
            try:
                return self._storage.cat_file(self.url_of(path), start=None if most is None else 0, end=most)
            except FileNotFoundError:
                raise
            except Exception as error:  # each storage has its own exceptions
                if not pauses:
                    raise OSError(errno.EIO, in_short(error)) from None
            time.sleep(pauses.pop(0))

    def stamp(self, path: str) -> str | None:
        """The first call requests all stamps that the listing lacks, for all files together."""
        known = self._stamps.get(path) if "files" in self.__dict__ else None
        return known if known is not None else _stamp(self.info(path))

    @cached_property
    def _stamps(self) -> dict[str, str | None]:
        stamps = {path: _stamp(info) for path, info in self.files.items()}
        unknown = [path for path, stamp in stamps.items() if stamp is None]
        with ThreadPoolExecutor(_ASKED_AT_ONCE) as threads:
            stamps.update(zip(unknown, threads.map(lambda path: _stamp(self._ask(path)), unknown), strict=True))
        return stamps

    def info(self, path: str) -> dict | None:
        return self.files.get(path) if "files" in self.__dict__ else self._ask(path)

    def _ask(self, path: str) -> dict | None:
        try:
            return self._storage.info(self.url_of(path))
        except Exception:  # each storage has its own exceptions; reading the file will give the reason
            return None


def _stamp(info: dict | None) -> str | None:
    if info is None:
        return None
    said = [f"{name}={info[name]}" for name in _VERSIONS if info.get(name)]
    if not said:
        said = [f"{name}={info[name]}" for name in _TIMES if info.get(name) and not _is_fresh(info[name])]
    return "".join(",".join([*said, f"size={info.get('size')}"]).split()) if said else None


def _is_fresh(moment: str | float | datetime.datetime) -> bool:
    """Times are in seconds: a file that changed just now may change again within the same second."""
    if isinstance(moment, str):
        try:
            moment = email.utils.parsedate_to_datetime(moment)
        except ValueError:
            return False
    seconds = moment.timestamp() if isinstance(moment, datetime.datetime) else float(moment)
    return time.time() - seconds <= _TOO_FRESH_SECONDS
