"""Tries the inputs of a target and counts what became of them."""

from __future__ import annotations

import collections
import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from . import pen
from .inputs import Inputs

# Of findings with the same cause, so many inputs are kept.
_KEPT_EACH = 3
# After so many, mend them first.
_MOST_FINDINGS = 200
_TOLD_EVERY_SECONDS = 30.0


@dataclass
class Counts:
    name: str
    kinds: collections.Counter[str] = field(default_factory=collections.Counter)
    places: collections.Counter[str] = field(default_factory=collections.Counter)
    kept: list[tuple[pen.Outcome, Path]] = field(default_factory=list)

    def __str__(self) -> str:
        found = self.kinds[pen.FINDING]
        causes = f" of {len(self.places)} causes" if self.places else ""
        read, refused = self.kinds[pen.READ], self.kinds[pen.REFUSED]
        total = self.kinds.total()
        return f"{self.name}: {total:,} inputs: {read:,} read, {refused:,} refused, {found} findings{causes}"


def run(
    inputs: Inputs,
    numbers: Iterable[int],
    keep_in: Path,
    until: float = float("inf"),
    say: Callable[[str], None] = lambda line: None,
) -> Counts:
    """`until` is a time.monotonic(). The inputs of findings are kept, each in a folder with the reason."""
    counts, told = Counts(inputs.target.name), time.monotonic()
    for outcome in pen.outcomes(inputs, numbers):
        counts.kinds[outcome.kind] += 1
        if outcome.kind == pen.FINDING:
            counts.places[outcome.place] += 1
            if counts.places[outcome.place] <= _KEPT_EACH:
                kept = _keep(inputs, outcome, keep_in)
                counts.kept.append((outcome, kept))
                say(f"{inputs.target.name}: input {outcome.number}: {outcome.place}, in {kept}")
        now = time.monotonic()
        if now >= until or counts.kinds[pen.FINDING] >= _MOST_FINDINGS:
            break
        if now - told >= _TOLD_EVERY_SECONDS:
            told = now
            say(str(counts))
    return counts


def endless() -> range:
    """Every number that a run of any length reaches."""
    return range(1 << 60)


def _keep(inputs: Inputs, outcome: pen.Outcome, keep_in: Path) -> Path:
    folder = keep_in / f"{inputs.target.name}-{inputs.seed}-{outcome.number}"
    for name, data in itertools.chain(inputs.make(outcome.number).items(), [("why.txt", outcome.why.encode())]):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder
