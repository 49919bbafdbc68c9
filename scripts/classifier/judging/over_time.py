"""What a log of answers shows: in all, over time, and beside what was expected at training."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..training.expected import Expected
from . import drift
from .answer_log import Line, Log, Origin
from .drift import Difference, Tally

_MOST_DAYS = 31  # more are put together by month
_PARTS_OF_A_DAY = 3


@dataclass(frozen=True)
class Period:
    name: str  # a day, a month, or hours within one day; in UTC
    tally: Tally


@dataclass(frozen=True)
class History:
    """The answers that belong together, at least one."""

    lines: Sequence[Line]  # the oldest first
    labels: tuple[str, ...]
    expected: Expected | None  # None if nothing is known that these answers can be compared with

    @cached_property
    def whole(self) -> Tally:
        return self._tally(self.lines)

    @property
    def differences(self) -> list[Difference]:
        return [] if self.expected is None else drift.compare(self.whole, self.expected)

    @cached_property
    def periods(self) -> list[Period]:
        days = {line.time.date() for line in self.lines}
        if len(days) == 1:
            return self._parts_of_a_day()
        form = "%Y-%m-%d" if len(days) <= _MOST_DAYS else "%Y-%m"
        groups: dict[str, list[Line]] = {}
        for line in self.lines:
            groups.setdefault(line.time.strftime(form), []).append(line)
        return [Period(name, self._tally(lines)) for name, lines in groups.items()]

    def _parts_of_a_day(self) -> list[Period]:
        count = len(self.lines)
        ends = [count * part // _PARTS_OF_A_DAY for part in range(_PARTS_OF_A_DAY + 1)]
        parts = [self.lines[start:end] for start, end in itertools.pairwise(ends) if start < end]
        return [Period(f"{part[0].time:%H:%M:%S} to {part[-1].time:%H:%M:%S}", self._tally(part)) for part in parts]

    def _tally(self, lines: Sequence[Line]) -> Tally:
        places = self._places
        guesses, tops = [places[line.label] for line in lines], [line.score for line in lines]
        return Tally.of(guesses, tops, [line.unknown for line in lines], len(self.labels))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {label: at for at, label in enumerate(self.labels)}


def of(log: Log, mine: Callable[[Origin], bool], labels: Sequence[str], expected: Expected | None) -> History:
    """The answers of the classifier that `mine` tells, which has these labels; all answers if none are its own."""
    own = [line for line in log.lines if mine(line.origin)]
    lines = own or log.lines
    more = {line.label for line in lines} - set(labels)
    return History(lines, (*labels, *sorted(more)), expected if own and not more else None)
