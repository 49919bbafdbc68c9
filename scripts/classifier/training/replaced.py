"""Names the classifier that a training is about to replace, if it was trained on other photos."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from ..errors import UserError
from ..photos import category_names, folders
from ..photos.image_lists import ImageLists
from . import run_record
from .outcome import Places

_LABELS_NAMED = 5


def warnings(places: Places, lists: ImageLists) -> list[str]:
    """None if the graph there was trained on the same folder; without a record, if it has the same labels."""
    try:
        if not places.graph.is_file():
            return []
        record = _record(places.graph)
        day = date.fromtimestamp(places.graph.stat().st_mtime)
        labels = _labels(record, places.labels)
    except OSError:
        return []  # whoever writes it reports what is wrong with it
    folder = record.get("options", {}).get("image_dir")
    if folder is None:
        if labels == lists.labels:
            return []
        origin = f"{_in_words(labels)}written on {day}"
    else:
        if _absolute(folder) == folders.absolute(lists.image_dir):
            return []
        named = category_names.shown(labels, category_names.known(record, labels))
        origin = f"trained on {folder} {_in_words(named)}on {day}"
    return [f"this replaces {places.graph}, {origin}; give another --output_graph to keep both"]


def _record(graph: Path) -> dict:
    try:
        return run_record.read(graph) or {}
    except UserError:
        return {}


def _labels(record: dict, labels_file: Path) -> tuple[str, ...]:
    if "labels" in record:
        return tuple(record["labels"])
    return tuple(labels_file.read_text("utf-8", "replace").splitlines()) if labels_file.is_file() else ()


def _in_words(labels: Sequence[str]) -> str:
    if not labels:
        return ""
    more = len(labels) - _LABELS_NAMED
    return f"(labels {', '.join(labels[:_LABELS_NAMED])}{f' and {more} more' if more > 0 else ''}) "


def _absolute(place: str) -> str:
    place = place.removeprefix("file://")
    return place.rstrip("/") if "://" in place else os.path.abspath(os.path.expanduser(place))
