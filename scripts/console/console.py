"""Prints a command's messages: results to standard output, warnings and progress to standard error."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

from ..classifier import invocation
from ..classifier.plain_text import printable
from ..classifier.showing import Advance, Show
from . import progress
from .stopwatch import Stopwatch


class Console:
    def __init__(self, quiet: bool = False):
        """`quiet` leaves only errors and warnings."""
        self.quiet = quiet
        self._watch = Stopwatch()

    @property
    def seconds(self) -> dict[str, float]:
        """The time that each stage took so far."""
        return self._watch.seconds

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measures the time that the context lasts."""
        with self._watch.stage(name):
            yield

    def say(self, *lines: str) -> None:
        if lines and not self.quiet:
            progress.make_room()
            print(*map(printable, lines), sep="\n", flush=True)

    def warn(self, *lines: str) -> None:
        progress.make_room()
        for line in lines:
            print(f"warning: {printable(line)}", file=sys.stderr)

    def draw(self, *lines: str) -> None:
        """For lines made here, whose escapes the terminal shall obey."""
        if lines and not self.quiet:
            progress.make_room()
            print(*lines, sep="\n", flush=True)

    def suggest(self, *steps: tuple[str, str]) -> None:
        """Ends a command with what to do next: ("label a photo", "label_image --image=some.jpg")."""
        width = max(len(what) for what, _ in steps) + 1
        self.say("next:", *(f"  {f'{what}:':{width}}  {invocation.command(words)}" for what, words in steps))

    def tell(self, lines: Sequence[str], warnings: Sequence[str]) -> None:
        """Prints warnings first, before the results that they qualify."""
        self.warn(*warnings)
        self.say(*lines)

    def waiting(self, what: str) -> AbstractContextManager[None]:
        """Says on a terminal what a block of work does that takes seconds."""
        return progress.waiting(what, quiet=self.quiet)

    def show(self, what: str, unit: str) -> Show:
        """A progress line for the library to open; none appears if there is nothing to do."""

        def show(total: int | None, done: int = 0) -> AbstractContextManager[Advance]:
            return progress.show(what, total, unit, quiet=self.quiet or total == 0, done=done)

        return show
