"""What a command says while it runs: results on standard output, warnings and progress on standard error."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

from ..classifier.showing import Advance, Show
from ..classifier.stopwatch import Stopwatch
from . import progress


class Console:
    def __init__(self, quiet: bool = False):
        """`quiet` leaves warnings alone: errors and warnings are all that is said."""
        self.quiet = quiet
        self._watch = Stopwatch()

    @property
    def seconds(self) -> dict[str, float]:
        """What each stage took."""
        return self._watch.seconds

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Takes its time."""
        with self._watch.stage(name):
            yield

    def say(self, *lines: str) -> None:
        if lines and not self.quiet:
            print(*lines, sep="\n", flush=True)

    def warn(self, *lines: str) -> None:
        for line in lines:
            print(f"warning: {line}", file=sys.stderr)

    def tell(self, lines: Sequence[str], warnings: Sequence[str]) -> None:
        """What a stage came to."""
        self.warn(*warnings)
        self.say(*lines)

    def show(self, what: str, unit: str) -> Show:
        """For the library to call where it does that work; nothing is shown where there is nothing to do."""

        def show(total: int | None, done: int = 0) -> AbstractContextManager[Advance]:
            return progress.show(what, total, unit, quiet=self.quiet or total == 0, done=done)

        return show
