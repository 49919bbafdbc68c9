"""Suppresses TensorFlow's start-up messages, which its C++ code writes to descriptor 2, bypassing Python's sys.stderr.

TensorFlow 2.21 writes some of them, including an alarming one about CUDA, before its logging is set up, so
TF_CPP_MIN_LOG_LEVEL does not stop them. POETS_NATIVE_LOG=stderr lets everything through.
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
# time; large ones still use all cores.
COMMAND_SETTINGS = {
    **_LOG_LEVEL,
    "TF_NUM_INTEROP_THREADS": "1",
    # Takes the memory of a GPU as it is needed, rather than all of it.
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
}


def for_a_command() -> None:
    """For Poets' own commands: descriptor 2 is redirected for good.

    Python's sys.stderr still reaches the user, and so does faulthandler, which reports crashes in native code.
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
    """For a user's own program: descriptor 2 is redirected only while the context lasts; sys.stderr still works.

    Does nothing if the program imported TensorFlow itself: its messages are then the program's business.
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
    """Redirects descriptor 2 and restores it. If several threads load, the first redirects and the last restores."""

    def __init__(self) -> None:
        self._lock, self._inside, self._ours = threading.Lock(), 0, False
        # These stay open, as a thread may have kept a reference to sys.stderr while it was redirected.
        self._real: int | None = None
        self._stream: TextIO | None = None
        self._before: TextIO | None = None

    def ours(self) -> bool:
        """True if TensorFlow had not been imported yet when Poets was first asked to load something."""
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
        """Duplicates descriptor 2; False if it is closed, as in programs without a console."""
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
