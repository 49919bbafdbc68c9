"""Shows the progress of long work: on a terminal one line that is redrawn, elsewhere a line every ten seconds."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections import deque
from collections.abc import Iterator

from ..classifier.drawing import text_columns
from ..classifier.plain_text import printable
from ..classifier.showing import Advance
from . import progress_line
from .progress_line import Progress

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_DRAWINGS = 0.1
_SECONDS_REMEMBERED = 15.0  # to estimate the time left
_SECONDS_TO_JUDGE = 1.0  # the first pieces of work are often slow

_shown: list[_Line] = []
_waiting: list[_Note] = []


@contextlib.contextmanager
def show(what: str, total: int | None, unit: str, *, quiet: bool = False, done: int = 0) -> Iterator[Advance]:
    """Yields a function to call with each piece of work done: `advance(3)`, `advance(1, note="...")`.

    A unit of "B" is shown in kB and MB.
    """
    progress = Progress(what, total, unit, done)
    if quiet:
        yield lambda count=1, note="": None
    elif _is_terminal():
        make_room()
        line = _Line(progress)
        _shown.append(line)
        try:
            yield line
        finally:
            _shown.remove(line)
            line.finish()
            for note in _waiting:
                note.draw()
    else:
        yield _Lines(progress)


@contextlib.contextmanager
def waiting(what: str, *, quiet: bool = False) -> Iterator[None]:
    """For work that cannot be counted: `what` stands on the terminal until it is done."""
    if quiet or not _is_terminal():
        yield
        return
    note = _Note(what)
    _waiting.append(note)
    try:
        yield
    finally:
        _waiting.remove(note)
        note.clear()


def make_room() -> None:
    """Clears the progress line before something else is printed; the next piece of work draws it again."""
    for line in _shown:
        line.clear()
    for note in _waiting:
        note.clear()


def _is_terminal() -> bool:
    """False for terminals that claim to be 0 columns wide, too: nothing would show there."""
    return sys.stderr.isatty() and os.get_terminal_size(sys.stderr.fileno()).columns > 0


class _Speed:
    """Pieces of work per second over the last few seconds; 0 at first, when it is too early to say."""

    def __init__(self, done: int):
        self.started = time.monotonic()
        self._seen = deque([(self.started, done)])

    def see(self, now: float, done: int) -> float:
        while len(self._seen) > 1 and now - self._seen[0][0] > _SECONDS_REMEMBERED:
            self._seen.popleft()
        then, done_then = self._seen[0]
        self._seen.append((now, done))
        early = now - self.started < _SECONDS_TO_JUDGE
        return 0.0 if early or now <= then else (done - done_then) / (now - then)


class _Note:
    def __init__(self, what: str):
        self._what, self._width = what, 0
        self.draw()

    def draw(self) -> None:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns - 1
        text = progress_line.fitting(f"{self._what} ...", columns, sys.stderr.encoding)
        print(f"\r{text}", end="", file=sys.stderr, flush=True)
        self._width = text_columns.columns(text)

    def clear(self) -> None:
        if self._width:
            print(f"\r{' ' * self._width}\r", end="", file=sys.stderr, flush=True)
        self._width = 0


class _Line:
    def __init__(self, progress: Progress):
        self.progress, self._speed = progress, _Speed(progress.done)
        self._drawn_at, self._width = 0.0, 0
        self._draw(self._speed.started)

    def __call__(self, count: int = 1, note: str = "") -> None:
        self.progress.done += count
        self.progress.note = note or self.progress.note
        now = time.monotonic()
        if now - self._drawn_at >= SECONDS_BETWEEN_DRAWINGS:
            self._draw(now)

    def clear(self) -> None:
        print(f"\r{' ' * self._width}\r", end="", file=sys.stderr, flush=True)
        self._width = 0

    def finish(self) -> None:
        """Leaves the line as it is at the end, with the time that the work took."""
        now = time.monotonic()
        self.progress.seconds = now - self._speed.started
        self._draw(now)
        print(file=sys.stderr, flush=True)

    def _draw(self, now: float) -> None:
        self._drawn_at = now
        self.progress.speed = self._speed.see(now, self.progress.done)
        columns = os.get_terminal_size(sys.stderr.fileno()).columns - 1  # the last one would wrap the line
        text = progress_line.text(self.progress, columns, sys.stderr.encoding)
        width = text_columns.columns(text)
        blanks = " " * (min(self._width, columns) - width)  # to cover a longer line
        print(f"\r{text}{blanks}", end="", file=sys.stderr, flush=True)
        self._width = width


class _Lines:
    """A line when ten seconds have passed since the last one; a short job prints nothing."""

    def __init__(self, progress: Progress):
        self.progress, self._speed = progress, _Speed(progress.done)
        self._printed_at = self._speed.started

    def __call__(self, count: int = 1, note: str = "") -> None:
        self.progress.done += count
        now = time.monotonic()
        if now - self._printed_at < SECONDS_BETWEEN_LINES:
            return
        self._printed_at, self.progress.note = now, note
        self.progress.speed = self._speed.see(now, self.progress.done)
        print(printable(progress_line.sentence(self.progress)), file=sys.stderr, flush=True)
