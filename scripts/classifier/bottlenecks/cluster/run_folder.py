"""The folder beside the cache through which the driver of a run and its workers communicate.

It holds `driver`, a file that the driver keeps locked while it lives, a claim for each block that was begun and a
result for each block that is done. The next driver takes over the results of a dead one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ... import atomic_files
from ...errors import UserError
from ...photos import folders
from ...photos.digests import DIGEST_BYTES, PhotoDigests, beside
from ...photos.folders import Place
from ..extraction import Digests
from . import claims

_FOLDER = "cluster_runs"
_TOKEN_BYTES = 8
_DRIVER = "driver"
_UNFINISHED, _ABANDONED = ".new", ".abandoned"
_NAME = re.compile(rf"[0-9a-f]{{{2 * _TOKEN_BYTES}}}({re.escape(_ABANDONED)})?")  # of a run's folder, once complete


@dataclass
class Result:
    """The result of a block."""

    read: list[tuple[str, str | None, str]]  # path, stamp and hexadecimal digest of each photo that could be read
    unreadable: dict[str, str]
    computed: int  # vectors added to the cache

    def remember(self, digests: Digests) -> None:
        for path, stamp, content in self.read:
            digests.put(path, stamp, bytes.fromhex(content))


@dataclass(frozen=True)
class RunFolder:
    path: Path
    token: str

    @classmethod
    @contextlib.contextmanager
    def opened(cls, bottleneck_dir: Path, image_dir: Place) -> Iterator[RunFolder]:
        """Creates a run folder and removes it at the end."""
        with contextlib.ExitStack() as stack:
            token = secrets.token_hex(_TOKEN_BYTES)
            path = bottleneck_dir / _FOLDER / token
            new = path.with_name(token + _UNFINISHED)
            try:
                new.mkdir(parents=True)
                driver = stack.enter_context((new / _DRIVER).open("w"))
                fcntl.flock(driver, fcntl.LOCK_EX)
                json.dump({"token": token, "image_dir": folders.absolute(image_dir)}, driver)
                driver.flush()
                new.rename(path)
            except OSError as error:
                raise UserError(
                    f"cannot use {path}: {error.strerror}; give a --bottleneck_dir that this machine and all workers "
                    "can write to"
                ) from None
            stack.callback(lambda: _remove(_abandon(path)))
            yield cls(path, token)

    def is_seen(self) -> bool:
        """True for the driver's own folder, false for another of the same name."""
        return self._driver().get("token") == self.token

    def _driver(self) -> dict:
        try:
            return _read_fields((self.path / _DRIVER).read_bytes())
        except OSError:
            return {}

    def claim(self, number: int) -> Path:
        return self.path / f"claim-{number:06d}"

    def write_result(self, number: int, result: Result) -> None:
        atomic_files.write_text(self._result(number), json.dumps(asdict(result)))

    def result(self, number: int) -> Result | None:
        return _read_result(self._result(number))

    def _result(self, number: int) -> Path:
        return self.path / f"result-{number:06d}.json"


def recover(bottleneck_dir: Path) -> None:
    """Takes over the results of dead drivers, so that photos they had read need not be read again.

    What a power cut damaged is of no use and is removed. What belongs to other users or programs is left alone.
    """
    for path in (bottleneck_dir / _FOLDER).glob("*"):
        if not _NAME.fullmatch(path.name):
            continue
        with contextlib.suppress(OSError), (path / _DRIVER).open("rb") as driver:
            fcntl.flock(driver, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError if its driver is alive
            abandoned = _abandon(path)
            image_dir = _read_fields(driver.read()).get("image_dir")
            if isinstance(image_dir, str) and _can_be_written(image_dir):
                _remember(abandoned, image_dir, bottleneck_dir)
            _remove(abandoned)


def _abandon(path: Path) -> Path:
    """Once this returns, no worker of the run can add to the cache. Gives the folder's new path."""
    abandoned = path.with_suffix(_ABANDONED)
    path.rename(abandoned)
    for claim in abandoned.glob("claim-*"):
        claims.wait_until_free(claim)
    return abandoned


def _remove(path: Path) -> None:
    shutil.rmtree(path)
    with contextlib.suppress(OSError):
        path.parent.rmdir()  # fails while other runs have folders there


def _remember(path: Path, image_dir: str, bottleneck_dir: Path) -> None:
    try:
        place = folders.at(image_dir)
    except UserError:
        return  # a URL of a kind that cannot be read here
    digests = PhotoDigests(beside(bottleneck_dir), place)
    for file in path.glob("result-*.json"):
        if (result := _read_result(file)) is not None:
            result.remember(digests)
    digests.save()


def _read_result(file: Path) -> Result | None:
    """None if there is none yet, or if it is damaged: its block counts as undone."""
    try:
        result = Result(**_read_fields(file.read_bytes()))
        if not isinstance(result.unreadable, dict) or not isinstance(result.computed, int):
            return None
        for path, stamp, content in result.read:
            if not isinstance(path, str) or not isinstance(stamp, str | None):
                return None
            if not _can_be_written(path + (stamp or "")) or len(bytes.fromhex(content)) != DIGEST_BYTES:
                return None
    except (FileNotFoundError, TypeError, ValueError):
        return None
    return result


def _can_be_written(text: str) -> bool:
    """False for halves of characters, which JSON can hold and no file's name."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _read_fields(data: bytes) -> dict:
    """Empty if it is not JSON with fields."""
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
