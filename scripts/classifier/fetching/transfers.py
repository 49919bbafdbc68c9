"""Adds the bytes of a URL to a partial file, reconnecting as often as necessary."""

import contextlib
import errno
import http.client
import math
import os
import random
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .. import machine
from ..errors import UserError, in_short
from ..showing import Advance, Show
from . import connection_errors
from .connection_errors import Refused, TransferFailed
from .first_answers import first_answer
from .redirects import Misdirected

CHUNK = 256 * 1024
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSALS = (401, 403, 404, 410)
WORTH_ANOTHER_TRY = (408, 425, 429, 500, 502, 503, 504)
# For a body of unknown length: almost three times the largest network here (1.4 GB).
MOST_OF_UNKNOWN_LENGTH = 4_000_000_000
# A length of more digits than this, over a petabyte, is a mistake or an attack.
_COUNT = r"\d{1,15}"


@dataclass(frozen=True)
class Patience:
    """How long to wait for a slow or failing server."""

    first_byte_seconds: float = 10.0  # over all attempts, until the first byte arrives
    stall_seconds: float = 30.0
    attempts_before_first_byte: int = 3
    attempts_without_progress: int = 7  # their pauses of 0.5, 1, 2 ... 16 s outlast a router's restart
    first_pause_seconds: float = 0.5


def transfer(
    url: str,
    descriptor: int,
    validator: Path,
    *,
    size: int | None,
    resume: bool,
    patience: Patience,
    show: Show,
) -> bool:
    """Completes the partial file that is open for appending. Returns True if its beginning is from another connection.

    `show` is called with the first answer; its progress goes negative when the transfer starts over.
    `validator` keeps the server's ETag or Last-Modified for the version in the partial file. Without that, an older
    partial file is continued only if `resume` is true, because a checksum will prove it right or wrong.
    """
    with contextlib.ExitStack() as stack:
        return _Transfer(url, descriptor, validator, size, resume, patience, show, stack).run()


def append(data: bytes, descriptor: int, folder: Path) -> None:
    """Writes all of `data`; a UserError if that fails."""
    left = memoryview(data)
    with _writing(folder):
        while left:
            left = left[os.write(descriptor, left) :]


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        todo = "free some space there" if error.errno in NO_ROOM else "make it writable"
        raise UserError(
            f"cannot write to {folder} ({error.strerror}): {todo}, then run this again, and it continues from here"
        ) from None


@dataclass
class _Transfer:
    url: str
    descriptor: int
    validator: Path
    size: int | None
    resume: bool
    patience: Patience
    show: Show
    stack: contextlib.ExitStack
    advance: Advance | None = None  # from the first answer on
    resumed: bool = False
    received: int = 0
    ranges: bool = True
    most: float = math.inf  # the bytes that the file may grow to

    def run(self) -> bool:
        give_up = time.monotonic() + self.patience.first_byte_seconds
        longest, fruitless = self._length(), 0
        while True:
            try:
                self._attempt(self.patience.stall_seconds if self.received else give_up - time.monotonic())
                return self.resumed
            except Misdirected as error:
                raise TransferFailed(str(error)) from None
            except (OSError, http.client.HTTPException, ValueError, _Unfinished) as error:
                reason = str(error) if isinstance(error, _Unfinished) else self._in_words(error)
                if connection_errors.is_final(error):
                    raise TransferFailed(reason) from None
            # Only a longer file than ever is progress: a server that ignores ranges and keeps breaking off makes none.
            fruitless = 0 if self._length() > longest else fruitless + 1
            longest = max(longest, self._length())
            pause = random.uniform(0.5, 1) * self.patience.first_pause_seconds * 2 ** max(0, fruitless - 1)
            if self.received:
                hopeless = fruitless >= self.patience.attempts_without_progress
            else:
                hopeless = fruitless >= self.patience.attempts_before_first_byte or time.monotonic() + pause >= give_up
            if hopeless:
                kept = f" (the {self._length() / 1e6:.1f} MB fetched so far are kept)" if self._length() else ""
                raise TransferFailed(reason + kept)
            time.sleep(pause)

    def _attempt(self, seconds: float) -> None:
        if self.size is not None and self._length() > self.size:
            self._start_over()
        have = self._length()
        if have and have == self.size:
            self.resumed = self.resumed or not self.received
            return
        with _writing(self.validator.parent):
            version = self.validator.read_text("latin-1") if self.validator.exists() else ""
        if not version.isprintable():
            version = ""  # no header may hold it
        headers = {"User-Agent": "poets"}
        if have and self.ranges and (version or self.resume):
            headers["Range"] = f"bytes={have}-"
            if version:
                headers["If-Range"] = version
        try:
            response, chunk = first_answer(
                urllib.request.Request(self.url, headers=headers),
                CHUNK,
                seconds=seconds,
                stall_seconds=self.patience.stall_seconds,
            )
        except urllib.error.HTTPError as error:
            with contextlib.closing(error):
                self._refused(error, have)
            return
        with response:
            total = self._begin(response, have)
            while chunk:
                self._write(chunk)
                chunk = response.read1(CHUNK)
        if total is not None and self._length() != total:
            raise _Unfinished(f"the connection ended after {self._length()} of {total} bytes")

    def _begin(self, response: http.client.HTTPResponse, have: int) -> int | None:
        """Makes the file end where the response begins. Returns its final length, if known."""
        partly = response.status == 206
        if partly:
            span = re.fullmatch(
                rf"bytes ({_COUNT})-{_COUNT}/({_COUNT}|\*)", response.headers.get("Content-Range", "").strip()
            )
            if span is None or int(span[1]) != have:
                self.ranges = False
                raise _Unfinished("the server sent another part of the file than it was asked for")
            length = span[2]
        else:
            length = response.headers.get("Content-Length", "")
        total = int(length) if re.fullmatch(_COUNT, length) else self.size
        if self.size is not None and total != self.size:
            raise TransferFailed(f"the server has a file of {total} bytes, expected {self.size}")
        if partly:
            self.resumed = True
        else:
            self._start_over()
            word = response.headers.get("ETag", "")
            if not word or word.startswith("W/"):  # a weak ETag does not promise the same bytes
                word = response.headers.get("Last-Modified", "")
            with _writing(self.validator.parent):
                self.validator.write_text(word, "latin-1")
        self.most = self._room_for(total)
        if self.advance is None:
            self.advance = self.stack.enter_context(self.show(total, self._length()))
        return total

    def _room_for(self, total: int | None) -> float:
        """The bytes that the file may grow to."""
        free = machine.free_disk(self.validator.parent)
        if total is None:
            return self._length() + min(MOST_OF_UNKNOWN_LENGTH, free)
        left = total - self._length()
        if left > free:
            raise UserError(
                f"cannot write to {self.validator.parent}: the file still needs {left / 1e6:.1f} MB, and "
                f"{free / 1e6:.1f} MB are free: free some space there, then run this again"
            )
        return total

    def _refused(self, error: urllib.error.HTTPError, have: int) -> None:
        if error.code == 416:
            # Nothing follows our part: it is complete if it is as long as the server's file, else useless.
            total = re.fullmatch(rf"bytes \*/({_COUNT})", error.headers.get("Content-Range", "").strip())
            if total and int(total[1]) == have:
                self.resumed = True
                return
            self._start_over()
            self.ranges = False
            raise _Unfinished("the server has no part of the file that follows what was fetched before")
        if error.code in WORTH_ANOTHER_TRY:
            raise _Unfinished(f"the server answers {error.code} {in_short(error.reason)}")
        if error.code in (301, 302, 303, 307, 308):
            raise TransferFailed(f"the server redirects in circles ({error.code})")
        failure = Refused if error.code in _REFUSALS else TransferFailed
        raise failure(f"the server answers {error.code} {in_short(error.reason)}")

    def _write(self, chunk: bytes) -> None:
        if self._length() + len(chunk) > self.most:
            raise TransferFailed(f"the server sends more than {self.most / 1e6:.1f} MB, expected no more than that")
        append(chunk, self.descriptor, self.validator.parent)
        self.received += len(chunk)
        self._tell(len(chunk))

    def _in_words(self, error: Exception) -> str:
        seconds = self.patience.stall_seconds if self.received else self.patience.first_byte_seconds
        return connection_errors.in_words(error, self.url, seconds=seconds, began=self.received > 0)

    def _start_over(self) -> None:
        self._tell(-self._length())
        with _writing(self.validator.parent):
            os.ftruncate(self.descriptor, 0)
        self.resumed = False

    def _tell(self, count: int) -> None:
        if self.advance is not None:
            self.advance(count)

    def _length(self) -> int:
        return os.fstat(self.descriptor).st_size


class _Unfinished(Exception):
    """The attempt failed but is worth repeating."""
