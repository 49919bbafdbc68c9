"""Keeps TensorFlow's start-up notes away: its C++ writes them to descriptor 2, not through Python's sys.stderr.

TensorFlow 2.21 prints some of them, an alarming one about CUDA among them, whatever TF_CPP_MIN_LOG_LEVEL says,
because they come before its logging is set up. POETS_NATIVE_LOG=stderr brings everything back.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import TextIO

_LOG_LEVEL = {"TF_CPP_MIN_LOG_LEVEL": "2"}

# Read by TensorFlow when it is imported. Handing small operations to other threads costs a tenth of the training
# time; large ones still use all cores internally.
COMMAND_SETTINGS = {**_LOG_LEVEL, "TF_NUM_INTEROP_THREADS": "1"}


def for_a_command() -> None:
    """For a process that is ours: descriptor 2 is redirected for good.

    Python's sys.stderr, which speaks to the user, keeps the real one, and so does faulthandler, so that a crash in
    native code is still seen.
    """
    _set(COMMAND_SETTINGS)
    if _notes_wanted():
        return
    sys.stderr = _open(os.dup(2))
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
    faulthandler.enable(sys.stderr)


@contextlib.contextmanager
def while_loading() -> Iterator[None]:
    """For a user's own program: descriptor 2 is redirected only inside, and sys.stderr keeps the real one.

    Does nothing where the program had imported TensorFlow before: then its notes are the program's own business.
    """
    if _notes_wanted() or not _redirection.ours():
        yield
        return
    _set(_LOG_LEVEL)
    _redirection.enter()
    try:
        yield
    finally:
        _redirection.leave()


class _Redirection:
    """Where descriptor 2 leads. Of several threads that load, the first redirects it and the last restores it."""

    def __init__(self) -> None:
        self._lock, self._inside, self._ours = threading.Lock(), 0, False
        # Stay open, as a thread may have taken hold of sys.stderr while it was redirected.
        self._real: int | None = None
        self._stream: TextIO | None = None
        self._before: TextIO | None = None

    def ours(self) -> bool:
        """TensorFlow was not there when we were first asked to load something."""
        self._ours = self._ours or "tensorflow" not in sys.modules
        return self._ours

    def enter(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside > 1 or not self._keep():
                return
            if _descriptor(sys.stderr) == 2:
                sys.stderr.flush()
                self._before, sys.stderr = sys.stderr, self._stream
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), 2)

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside or self._real is None:
                return
            os.dup2(self._real, 2)
            if self._before is not None and sys.stderr is self._stream:
                sys.stderr = self._before
            self._before = None

    def _keep(self) -> bool:
        """Duplicates what descriptor 2 is now; False where it is closed, as in programs without a console."""
        try:
            if self._real is None:
                self._real = os.dup(2)
                self._stream = _open(self._real, closefd=False)
            else:
                os.dup2(2, self._real, inheritable=False)
        except OSError:
            return False
        return True


_redirection = _Redirection()


def _set(settings: dict[str, str]) -> None:
    for name, value in settings.items():
        os.environ.setdefault(name, value)


def _notes_wanted() -> bool:
    return os.environ.get("POETS_NATIVE_LOG") == "stderr"


def _open(descriptor: int, closefd: bool = True) -> TextIO:
    return open(descriptor, "w", buffering=1, errors="backslashreplace", closefd=closefd)


def _descriptor(stream: TextIO | None) -> int | None:
    """None if it is not a file, as in a notebook."""
    try:
        return None if stream is None else stream.fileno()
    except (OSError, ValueError, AttributeError):
        return None
