"""Shows how far long work has come: a bar on a terminal, sparse lines elsewhere."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator

from ..classifier.showing import Advance

SECONDS_BETWEEN_LINES = 10.0


@contextlib.contextmanager
def show(what: str, total: int | None, unit: str, *, quiet: bool = False, done: int = 0) -> Iterator[Advance]:
    """Gives a function to call with each piece of work done: `advance(3)`, `advance(1, note="...")`.

    A unit of "B" is shown in kB and MB.
    """
    if quiet:
        yield lambda count=1, note="": None
    elif _is_terminal():
        with _bar(what, total, unit, done) as advance:
            yield advance
    else:
        yield _Lines(what, total, unit, done)


def _is_terminal() -> bool:
    """Some that call themselves terminals say that they are 0 wide: a bar would not show there."""
    return sys.stderr.isatty() and os.get_terminal_size(sys.stderr.fileno()).columns > 0


@contextlib.contextmanager
def _bar(what: str, total: int | None, unit: str, done: int) -> Iterator[Advance]:
    from tqdm import tqdm

    scale = unit == "B"
    with tqdm(
        desc=what,
        total=total,
        initial=done,
        unit=unit if scale else f" {unit}",
        unit_scale=scale,
        file=sys.stderr,
        dynamic_ncols=True,
        mininterval=0.2,
    ) as bar:

        def advance(count: int = 1, note: str = "") -> None:
            if note:
                bar.set_postfix_str(note, refresh=False)
            bar.update(count)

        yield advance


class _Lines:
    """A line when ten seconds have passed since the last one; a short job prints nothing."""

    def __init__(self, what: str, total: int | None, unit: str, done: int):
        self.what, self.total, self.unit, self.done, self.done_before = what, total, unit, done, done
        self.started = self.last = time.monotonic()

    def __call__(self, count: int = 1, note: str = "") -> None:
        self.done += count
        now = time.monotonic()
        if now - self.last < SECONDS_BETWEEN_LINES:
            return
        self.last = now
        rate = (self.done - self.done_before) / (now - self.started)
        parts = [f"{self.what}: {self._amount(self.done)}"]
        if self.total:
            parts[0] += f" of {self._amount(self.total)} ({100 * self.done // self.total} %)"
        parts.append(f"{self._amount(rate)}/s")
        if self.total and rate > 0:
            parts.append(f"{(self.total - self.done) / rate:.0f} s left")
        if note:
            parts.append(note)
        print(", ".join(parts), file=sys.stderr, flush=True)

    def _amount(self, amount: float) -> str:
        return f"{amount / 1e6:.1f} MB" if self.unit == "B" else f"{amount:.0f} {self.unit}"
