"""Decodes photos in a separate process, so that a broken photo can crash nothing else.

Run with `python -m`, this module is that process: it reads pickles of (bytes, side, views, fit) from standard input and
writes pickles of squares, or of the reason why there are none, to standard output.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from typing import IO

import numpy as np

from ...photos import distortions, fitting, pixels
from ...photos.distortions import View
from . import package


class Decoder:
    """Does what distortions.look does, and survives photos that crash it."""

    def __init__(self) -> None:
        self._process: _Process | None = None
        self._lock = threading.Lock()  # one photo at a time, so that a crash can be blamed on the right one

    def look(self, data: bytes, side: int, wanted: list[View], fit: str = fitting.SQUEEZE) -> list[np.ndarray]:
        with self._lock:
            if self._process is None:
                self._process = _Process()
            try:
                answer = self._process.ask((data, side, wanted, fit))
            except (BrokenPipeError, EOFError, pickle.UnpicklingError):
                ended = self._process.wait()
                self._process = None
                raise pixels.UnreadableImage(f"crashes the decoder ({_in_words(ended)})") from None
        if isinstance(answer, str):
            raise pixels.UnreadableImage(answer)
        return answer

    def close(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None


class _Process:
    """The other process, which answers one question after another."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.decoder"],
            cwd=package.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin is not None and self._process.stdout is not None  # both are pipes
        self._questions: IO[bytes] = self._process.stdin
        self._answers: IO[bytes] = self._process.stdout

    def ask(self, question: tuple[bytes, int, list[View], str]) -> list[np.ndarray] | str:
        pickle.dump(question, self._questions)
        self._questions.flush()
        return pickle.load(self._answers)

    def wait(self) -> int:
        """Its exit status."""
        return self._process.wait()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._questions.close()
        self._answers.close()


def _in_words(status: int) -> str:
    if status == -signal.SIGKILL:
        return "SIGKILL, perhaps out of memory"
    return signal.Signals(-status).name if status < 0 else f"status {status}"


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # keeps what decoders print out of the answers
    while True:
        try:
            data, side, wanted, fit = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        answer: list[np.ndarray] | str
        try:
            answer = distortions.look(data, side, wanted, fit)
        except pixels.UnreadableImage as error:
            answer = str(error)
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    _serve()
