"""Warns about a classifier that a training is about to replace, if it was trained on other photos."""

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
    """At most one. None if the folder of photos is the same or, if no record names it, the labels are."""
    try:
        record = _record(places.graph) if places.graph.is_file() else None
        listed = _listed(places.labels)
        if record is not None:
            origin = _other_origin(record, listed, lists, date.fromtimestamp(places.graph.stat().st_mtime))
            if origin is not None:
                both = "give another --output_graph and --output_labels to keep both"
                return [f"this replaces {places.graph}, {origin}; {both}"]
    except OSError:
        return []  # writing will report what is wrong there
    if listed and listed != lists.labels and listed != (record or {}).get("labels"):
        other = f"{_in_words(listed)}of another classifier; give another --output_labels to keep it"
        return [f"this replaces {places.labels} {other}"]
    return []


def _other_origin(record: dict, listed: tuple[str, ...], lists: ImageLists, day: date) -> str | None:
    """The origin of the graph with this record, or None if it is from the same photos."""
    folder, labels = record.get("options", {}).get("image_dir"), record.get("labels", listed)
    if folder is None:
        return None if labels == lists.labels else f"{_in_words(labels)}written on {day}"
    if _absolute(folder) == folders.absolute(lists.image_dir):
        return None
    named = category_names.shown(labels, category_names.known(record, labels))
    return f"trained on {folder} {_in_words(named)}on {day}"


def _record(graph: Path) -> dict:
    """Empty if there is none."""
    try:
        found = run_record.read(graph) or {}
    except UserError:
        return {}
    return {**found, "labels": tuple(found["labels"])} if "labels" in found else found


def _listed(labels: Path) -> tuple[str, ...]:
    return tuple(labels.read_text("utf-8", "replace").splitlines()) if labels.is_file() else ()


def _in_words(labels: Sequence[str]) -> str:
    if not labels:
        return ""
    more = len(labels) - _LABELS_NAMED
    return f"(labels {', '.join(labels[:_LABELS_NAMED])}{f' and {more} more' if more > 0 else ''}) "


def _absolute(place: str) -> str:
    place = place.removeprefix("file://")
    return place.rstrip("/") if "://" in place else os.path.abspath(place)
