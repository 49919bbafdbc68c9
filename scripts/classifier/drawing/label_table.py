"""A table of labels and their numbers of photos, for the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from ..photos.image_lists import SPLITS, ImageLists
from . import text_columns

_LONGEST_LABEL = 40
_COLUMN = 10
_MOST_LINES = 120  # several screens


def lines(lists: ImageLists, named: Mapping[str, str] | None) -> list[str]:
    """A line for each label: how many photos it has, set by set if the folder has sets."""
    labels = [label if named is None else f"{label} {named[label]}" for label in lists.labels]
    rows: list[tuple]
    if lists.ready_made:
        sets = [split for split in SPLITS if lists.of(split)]
        counts = zip(labels, *(lists.counts(split) for split in sets), strict=True)
        rows = [("", *sets), ("all", *(len(lists.of(split)) for split in sets)), *counts]
    else:
        rows = list(zip(labels, lists.counts(), strict=True))
    width = min(_LONGEST_LABEL, max(12, *(text_columns.columns(label) for label in labels)))
    shown = [
        f"  {text_columns.fit(label, width)}" + "".join(f" {each:>{_COLUMN}}" for each in numbers)
        for label, *numbers in rows[:_MOST_LINES]
    ]
    return [*shown, f"  and {len(rows) - _MOST_LINES} more labels"] if len(rows) > _MOST_LINES else shown
