"""Finds a classifier's labels: in the file that the user gives, inside the classifier, or beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import UserError
from ..training import run_record
from . import kinds
from .model import Model

# Names of labels files that do not contain the name of their classifier.
_USUAL = ("labels.txt", "retrained_labels.txt", "output_labels.txt")


# `0 daisy` and on, as Teachable Machine numbers its labels.
_NUMBERED = re.compile(r"(\d+)[ \t:]+(\S.*)")


def find(model: Model, given: tuple[str, ...] | None) -> tuple[tuple[str, ...], str | None]:
    """The labels that the user gives, else those from inside the classifier, else from beside it; and a note.

    The numbers of a classifier from elsewhere are taken off: one of ours has the names of the folders of photos.
    """
    found = model.labels if given is None else given
    if found is None:
        found = beside(model.path, model.record)
    plain = without_numbers(found)
    if model.record is not None or plain == found:
        return found, None
    return plain, f"the labels are numbered: {found[0]!r} is taken as {plain[0]!r}, and so on"


def without_numbers(labels: Sequence[str]) -> tuple[str, ...]:
    """The labels without the numbers in front, if all have one, in order, from 0 or 1 on."""
    parts = [_NUMBERED.fullmatch(label.strip()) for label in labels]
    numbers = [int(part[1]) for part in parts if part is not None]
    if len(labels) < 2 or len(numbers) != len(labels) or numbers[0] not in (0, 1):
        return tuple(labels)
    if numbers != list(range(numbers[0], numbers[0] + len(labels))):
        return tuple(labels)
    plain = tuple(part[2] for part in parts if part is not None)
    return plain if len({*plain}) == len(plain) else tuple(labels)


def beside(path: Path, record: dict | None) -> tuple[str, ...]:
    """The labels from a file named like the classifier, else from its record, else from a file with a usual name."""
    if record is None and kinds.kind_of(path) == kinds.GRAPH and run_record.is_of_another(path):
        raise UserError(
            f"{run_record.path_beside(path)} belongs to another graph than {path}, so the labels there may be "
            "another's too: train again, give the right labels file with --labels, or delete the .json if they fit"
        )
    named_like_it, others = _named_like(path), [path.with_name(name) for name in _USUAL]
    # The user may have edited the file, so it comes before the record.
    for files in (named_like_it, others):
        for file in files:
            if file.exists():
                return read(file)
        if record is not None:
            return tuple(record["labels"])
    *places, last = (file.name for file in dict.fromkeys(named_like_it + others))
    raise UserError(
        f"no labels found for {path}: expected {', '.join(places)} or {last} beside it; give a file with one "
        "label per line with --labels"
    )


def path_beside(graph: Path) -> Path:
    """Where to write labels so that `beside` finds them first."""
    return _named_like(graph)[0]


def _named_like(path: Path) -> list[Path]:
    names = [path.stem.replace("graph", "labels")] if "graph" in path.stem else []
    return [path.with_name(f"{name}.txt") for name in (*names, f"{path.stem}_labels")]


def read(file: Path) -> tuple[str, ...]:
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except FileNotFoundError:
        raise UserError(f"{file} does not exist: give --labels a file with one label per line") from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UserError(
            f"{file} cannot be read as labels ({why}): expected a text file with one label per line"
        ) from None
    return tuple(line for line in lines if line.strip())
