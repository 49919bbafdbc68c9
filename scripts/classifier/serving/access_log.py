"""One line for each request and each other event, as text or as JSON."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timezone

from ..errors import in_short
from ..plain_text import printable

TEXT, JSON = "text", "json"


@dataclass(frozen=True, slots=True)
class Entry:
    id: str
    client: str
    method: str
    path: str
    status: int
    milliseconds: float
    bytes: int  # in the answer


class Log:
    """Passes each line to `write`. `form` is TEXT or JSON."""

    def __init__(self, form: str, write: Callable[[str], None]):
        self._form, self._write = form, write

    def request(self, entry: Entry) -> None:
        if self._form == JSON:
            fields = {**asdict(entry), "milliseconds": round(entry.milliseconds, 2)}
            self._write(json.dumps({"time": _now(), **fields}))
        else:
            words = f"{entry.status} {entry.method} {entry.path} {entry.milliseconds:.1f} ms {entry.bytes} B"
            self._write(printable(f"{_now()} {words} {entry.client} id={entry.id}"))

    def event(self, words: str) -> None:
        """Anything that is not a request, such as a replaced graph."""
        self._write(
            json.dumps({"time": _now(), "event": words}) if self._form == JSON else f"{_now()} {printable(words)}"
        )

    def failure(self, number: str, error: Exception) -> None:
        """Details of a fault on our side, which the client does not see."""
        last = traceback.extract_tb(error.__traceback__)[-1]
        self.event(f"error: request {number}: {type(error).__name__} in {last.name}: {in_short(error)}")


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
