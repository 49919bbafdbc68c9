"""Notices when a new classifier has replaced the one in service on disk."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import UserError, in_short
from ..training import run_record

# A classifier is several files, written one after another. If unchanged for this long, it counts as complete.
SECONDS = 1.0

Look = tuple[tuple[str, int, int, int], ...]


def look(path: Path, labels: Path | None) -> Look:
    """The state of all files of a classifier. Two looks are equal if nothing was written in between."""
    beside = [run_record.path_beside(path), run_record.unknown_beside(path), *path.parent.glob("*labels*.txt")]
    found = []
    try:
        inside = sorted(path.rglob("*")) if path.is_dir() else []
    except OSError:  # a folder in it vanished: the next look finds what there is
        inside = []
    for file in [path, *beside, *inside, *([] if labels is None else [labels])]:
        try:
            known = os.stat(file)
        except OSError:
            continue
        found.append((str(file), known.st_ino, known.st_size, known.st_mtime_ns))
    return tuple(found)


def in_words(error: Exception) -> str:
    """Why a new classifier was refused. Any error may come from files that anything may have written."""
    if isinstance(error, UserError):
        return str(error)
    return f"it is damaged or incomplete ({type(error).__name__}: {in_short(error)}): train or export it again"
