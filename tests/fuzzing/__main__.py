"""Tries damaged inputs on a reader, for as long as wanted: python -m tests.fuzzing pictures --minutes=30 --seed=7."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
from pathlib import Path

from scripts.classifier.formats import quiet_tensorflow

from . import inputs, pen, rounds
from .table import TARGETS
from .target import Target


def main() -> int:
    flags = _flags()
    os.environ.update(quiet_tensorflow.COMMAND_SETTINGS)
    found = 0
    for target in TARGETS.values() if flags.target == "all" else [TARGETS[flags.target]]:
        found += _try(target, flags)
    return 1 if found else 0


def _try(target: Target, flags: argparse.Namespace) -> int:
    for module in target.imports:
        importlib.import_module(module)
    made = inputs.of(target, flags.seed)
    if flags.input is not None:
        (outcome,) = pen.outcomes(made, [flags.input])
        print(f"{target.name}: input {outcome.number}: {outcome.kind}: {outcome.place}\n{outcome.why}")
        return int(outcome.kind == pen.FINDING)
    numbers, until = range(flags.inputs or target.inputs), float("inf")
    if flags.minutes is not None:
        numbers, until = rounds.endless(), time.monotonic() + 60 * flags.minutes
    counts = rounds.run(made, numbers, Path(flags.findings), until, lambda line: print(line, flush=True))
    print(counts, flush=True)
    return counts.kinds[pen.FINDING]


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    parser.add_argument("target", choices=["all", *TARGETS])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inputs", type=int, help="how many; default: as many as in the tests")
    parser.add_argument("--minutes", type=float, help="how long, for each target")
    parser.add_argument("--input", type=int, help="the number of a single input to try again")
    kept = os.path.join(tempfile.gettempdir(), "fuzzing_findings")
    parser.add_argument("--findings", default=kept, help="the folder for the inputs of findings; default: %(default)s")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
