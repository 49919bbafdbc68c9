"""Finds the labels of a classifier: in the file that the user names, inside the classifier, or beside it."""

from __future__ import annotations

from pathlib import Path

from ..errors import UserError
from .model import Model

# What files of labels are called that tell nothing of their classifier.
_USUAL = ("labels.txt", "retrained_labels.txt", "output_labels.txt")


def find(model: Model, given: Path | None) -> tuple[str, ...]:
    """From the file that the user names, else inside the classifier, else beside it."""
    if given is not None:
        return _read(given)
    return beside(model.path, model.record) if model.labels is None else model.labels


def beside(path: Path, record: dict | None) -> tuple[str, ...]:
    """From a file named like the classifier, which the user may have edited, else from its record."""
    named_like_it, others = _named_like(path), [path.with_name(name) for name in _USUAL]
    for files in (named_like_it, others):
        for file in files:
            if file.exists():
                return _read(file)
        if record is not None:
            return tuple(record["labels"])
    places = ", ".join(file.name for file in dict.fromkeys(named_like_it + others))
    raise UserError(
        f"the labels of {path} were looked for beside it in {places}, none of which is there: give the file that holds "
        "one label a line with --labels"
    )


def path_beside(graph: Path) -> Path:
    """Where labels are to be written so that `beside` finds them first."""
    return _named_like(graph)[0]


def _named_like(path: Path) -> list[Path]:
    names = [path.stem.replace("graph", "labels")] if "graph" in path.stem else []
    return [path.with_name(f"{name}.txt") for name in (*names, f"{path.stem}_labels")]


def _read(file: Path) -> tuple[str, ...]:
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except FileNotFoundError:
        raise UserError(f"{file} does not exist: give --labels the file that holds one label a line") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read as labels ({error}): expected a text file, one label a line") from None
    return tuple(line for line in lines if line.strip())
