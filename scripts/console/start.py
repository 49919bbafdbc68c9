"""Runs before Python looks for the module in `python -m scripts.NAME`, so that a line says what is wrong with it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from . import commands, missing_packages

_PACKAGE = __name__.partition(".")[0]
_FOLDER = Path(__file__).parents[1]


def prepare(arguments: Sequence[str]) -> None:
    """`arguments`: sys.orig_argv, Python's own options included."""
    sys.excepthook = missing_packages.report
    package, _, name = next(iter(arguments[arguments.index("-m") + 1 :]), "").partition(".")
    if package == _PACKAGE and name.isidentifier() and not _is_module(name):
        sys.exit(f"error: {commands.unknown(name)}")


def _is_module(name: str) -> bool:
    return (_FOLDER / f"{name}.py").exists() or (_FOLDER / name).is_dir()
