"""The parts of a benchmark: --only names those to measure."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TypeVar

from benchmarks.tools import machine
from benchmarks.tools.figures import Figure, table
from scripts.classifier.errors import UserError

Bench = TypeVar("Bench")


def check(only: Iterable[str], parts: Iterable[str]) -> None:
    unknown = sorted(set(only) - set(parts))
    if unknown:
        raise UserError(f"--only={','.join(unknown)} is not known: choose from {', '.join(parts)}")


def counts(flag: str, words: list[str], fewest: int) -> list[int]:
    for word in words:
        if not word.isdecimal() or int(word) < fewest:
            raise UserError(f"--{flag}={word}: expected numbers of at least {fewest}, separated by commas")
    return [int(word) for word in words]


def measure(only: Iterable[str], parts: dict[str, Callable[[Bench], list[Figure]]], bench: Bench) -> list[Figure]:
    found: list[Figure] = []
    for name, measured in parts.items():
        if name in only:
            print(f"measuring {name}", file=sys.stderr, flush=True)
            found += measured(bench)
    return found


def report(measured: Callable[[], list[Figure]]) -> None:
    """Prints the machine, how busy it was, and one table."""
    before = machine.load()
    found = measured()
    print(machine.describe(), f"before: {before}; after: {machine.load()}", table(found), sep="\n\n")
