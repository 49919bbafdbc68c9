"""The folder beside the cache through which the driver of a run and its workers communicate.

It holds `driver`, a file that the driver keeps locked while it lives, a claim for each block that was begun and a
result for each block that is done. The next driver takes over the results of a dead one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ... import atomic_files
from ...errors import UserError
from ...photos import folders
from ...photos.digests import PhotoDigests, beside
from ...photos.folders import Place
from ..extraction import Digests
from . import claims

_FOLDER = "cluster_runs"
_DRIVER = "driver"
_UNFINISHED, _ABANDONED = ".new", ".abandoned"


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
            token = secrets.token_hex(8)
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
            return json.loads((self.path / _DRIVER).read_text())
        except (OSError, ValueError):
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
    """Takes over the results of dead drivers, so that photos they had read need not be read again."""
    for path in (bottleneck_dir / _FOLDER).glob("*"):
        if path.name.endswith(_UNFINISHED):
            continue
        with contextlib.suppress(FileNotFoundError), (path / _DRIVER).open() as driver:
            try:
                fcntl.flock(driver, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # its driver is alive
            abandoned = _abandon(path)
            _remember(abandoned, json.load(driver)["image_dir"], bottleneck_dir)
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
    digests = PhotoDigests(beside(bottleneck_dir), folders.at(image_dir))
    for file in path.glob("result-*.json"):
        if (result := _read_result(file)) is not None:
            result.remember(digests)
    digests.save()


def _read_result(file: Path) -> Result | None:
    try:
        return Result(**json.loads(file.read_text()))
    except FileNotFoundError:
        return None
