"""One line a request."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timezone

FORMATS = ("text", "json")

Write = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Entry:
    id: str
    client: str
    method: str
    path: str
    status: int
    milliseconds: float
    bytes: int  # of the answer


def text(entry: Entry) -> str:
    return (
        f"{_now()} {entry.status} {entry.method} {entry.path} {entry.milliseconds:.1f} ms {entry.bytes} B "
        f"{entry.client} id={entry.id}"
    )


def as_json(entry: Entry) -> str:
    fields = asdict(entry)
    return json.dumps({"time": _now(), **fields, "milliseconds": round(entry.milliseconds, 2)})


def event(form: str, words: str) -> str:
    """What happened that is no request: a graph was replaced or refused."""
    return json.dumps({"time": _now(), "event": words}) if form == "json" else f"{_now()} {words}"


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
