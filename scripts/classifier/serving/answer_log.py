"""Appends a line for each answered picture to a file, if the user asks for it. It never holds a picture or its name.

A picture is found again by the sha256 of its bytes, by those who have it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path

from ..errors import UserError
from ..formats import answers
from ..formats.answers import Answer
from ..formats.classifiers import Classifier
from ..judging import answer_log
from .batches import Outcome, Picture

_LABELS = 5  # as many as /label gives


class AnswerLog:
    """To be used in the event loop's thread; it writes in others. `say` takes a line for the server's own log."""

    def __init__(self, path: Path, say: Callable[[str], None]):
        self._path, self._say = path, say
        self._alone = threading.Lock()
        self._cut = False  # the last line is not whole
        self._missing = 0  # answers that could not be written since they last could
        try:
            self._file = self._open()
        except OSError as error:
            raise UserError(f"--log_answers={path}: cannot write it ({_reason(error)}); give another file") from None

    async def add(
        self, name: str, version: int, classifier: Classifier, pictures: Sequence[Picture], outcomes: Sequence[Outcome]
    ) -> None:
        """Returns once the answers among the outcomes are written."""
        given_by = answer_log.origin(name, version, classifier)
        given = [(each, answer) for each, answer in zip(pictures, outcomes, strict=True) if isinstance(answer, Answer)]
        if given and (said := await asyncio.to_thread(self._append, given_by, classifier, given)):
            self._say(said)

    def _append(
        self, given_by: answer_log.Origin, classifier: Classifier, given: Sequence[tuple[Picture, Answer]]
    ) -> str | None:
        """What the server's log should say of it, if anything."""
        found = [
            (
                _digest(picture),
                answers.as_json(answer, classifier.ranked(answer, _LABELS), classifier.named is not None),
            )
            for picture, answer in given
        ]
        with self._alone:
            now = datetime.now(timezone.utc)
            data = b"".join(answer_log.line(now, given_by, digest, described) for digest, described in found)
            try:
                self._write(data)
            except OSError as error:
                first, self._missing = not self._missing, self._missing + len(given)
                return f"error: cannot write answers to {self._path}: {_reason(error)}" if first else None
            missing, self._missing = self._missing, 0
            return f"answers are written to {self._path} again; {missing} are missing" if missing else None

    def _write(self, data: bytes) -> None:
        """In one piece, at the end of the file, so that two servers may share it."""
        self._reopen_if_moved()
        if self._cut:
            data = b"\n" + data
        written = os.write(self._file, data)
        self._cut = data[written - 1 : written] != b"\n" if written else self._cut
        if written < len(data):
            raise OSError(0, "there was room for a part only")

    def _reopen_if_moved(self) -> None:
        """Programs that rotate logs rename the file, and expect a new one at its place."""
        try:
            same = os.path.samestat(os.stat(self._path), os.fstat(self._file))
        except FileNotFoundError:
            same = False
        if not same:
            former, self._file = self._file, self._open()
            os.close(former)

    def _open(self) -> int:
        """Readable by nobody else, if it is new: it tells what others' pictures show."""
        file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            known = os.fstat(file)
            if not stat.S_ISREG(known.st_mode):
                raise OSError(0, "it is no regular file")
            # A server that was killed while it wrote, or a full disk, may have left a part of a line.
            self._cut = known.st_size > 0 and os.pread(file, 1, known.st_size - 1) != b"\n"
        except OSError:
            os.close(file)
            raise
        return file


def _digest(picture: Picture) -> str | None:
    return hashlib.sha256(picture).hexdigest() if isinstance(picture, bytes) else None


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
