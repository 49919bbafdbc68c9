"""One measured figure, and the table that shows several."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

_HEADINGS = ("figure", "measured", "lowest to highest", "target or limit", "ratio", "how it was measured")

Name = TypeVar("Name")
Taken = TypeVar("Taken")


@dataclass(frozen=True)
class Against:
    """A target, or a limit of the machine measured in the same run."""

    value: float
    words: str  # without the number itself: "at most", "at least 0.85 of the limit"


@dataclass(frozen=True)
class Figure:
    name: str
    taken: list[float]  # one value per round
    unit: str
    how: str
    against: Against | None = None  # None: for information

    @property
    def measured(self) -> float:
        return statistics.median(self.taken)


def table(figures: Iterable[Figure]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(_HEADINGS)} |", "|---|--:|--:|---|--:|---|"]
    for figure in figures:
        against = figure.against
        held = "" if against is None else f"{against.words} {_amount(against.value, figure.unit)}"
        ratio = "" if against is None else f"{figure.measured / against.value:.2f}"
        spread = f"{_digits(min(figure.taken))} to {_digits(max(figure.taken))}" if len(figure.taken) > 1 else ""
        cells = (figure.name, _amount(figure.measured, figure.unit), spread, held, ratio, figure.how)
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(lines)


def alternated(measurements: Mapping[Name, Callable[[], Taken]], rounds: int) -> dict[Name, list[Taken]]:
    """Takes all measurements in turn, once a round, so that other load on the machine affects them alike."""
    taken: dict[Name, list[Taken]] = {name: [] for name in measurements}
    for _ in range(rounds):
        for name, measure in measurements.items():
            taken[name].append(measure())
    return taken


def _amount(value: float, unit: str) -> str:
    return f"{_digits(value)} {unit}"


def _digits(value: float) -> str:
    return f"{value:,.{0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2}f}"
