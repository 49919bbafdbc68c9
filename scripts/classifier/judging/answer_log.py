"""The log of answers that serve keeps if asked to: one JSON object a line, and how it is read back."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..errors import UserError
from ..formats.classifiers import Classifier

_LONGEST_LINE = 1 << 20  # bytes; five labels take a few hundred
_LONGEST_NAME = 1000
_DIGITS = 16  # of a classifier's checksum


class Origin(NamedTuple):
    """The classifier that gave an answer."""

    name: str
    version: str
    classifier: str | None  # tells trainings of one name and version apart; None if it has no record


class Line(NamedTuple):
    time: datetime  # in UTC
    origin: Origin
    label: str  # the one with the highest score
    score: float
    unknown: bool | None  # None if it was not asked for


@dataclass(frozen=True)
class Log:
    lines: list[Line]  # at least one; the oldest first
    damaged: int  # lines that are none of ours

    def origins(self) -> Counter[Origin]:
        return Counter(line.origin for line in self.lines)


def origin(name: str, version: int, classifier: Classifier) -> Origin:
    return Origin(name, str(version), fingerprint(classifier.model.record))


def fingerprint(record: dict | None) -> str | None:
    """The same for a graph and for everything that was exported from it."""
    found = (record or {}).get("graph_sha256")
    return found[:_DIGITS] if isinstance(found, str) and found else None


def line(time: datetime, given_by: Origin, sha256: str | None, answer: dict) -> bytes:
    """`answer` as answers.as_json gives it; `sha256` of the picture's bytes, None if it came as numbers."""
    digest = {} if sha256 is None else {"sha256": sha256}
    classifier = {} if given_by.classifier is None else {"classifier": given_by.classifier}
    who = {"model": given_by.name, "version": given_by.version, **classifier}
    stamp = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{json.dumps({'time': stamp, **who, **digest, **answer})}\n".encode("ascii")


def read(path: Path) -> Log:
    lines: list[Line] = []
    damaged = 0
    kept: dict = {}  # one copy of each name, as there may be millions of lines
    try:
        with open(path, "rb") as file:
            for each in _lines(file):
                found = None if each is None else _of(each)
                if found is not None:
                    who, label = (kept.setdefault(one, one) for one in (found.origin, found.label))
                    lines.append(found._replace(origin=who, label=label))
                else:
                    damaged += 1
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; give a file that serve --log_answers wrote") from None
    if not lines:
        what = "none of its lines is an answer" if damaged else "it is empty"
        raise UserError(f"{path} is no log of answers ({what}): give a file that serve --log_answers wrote")
    return Log(sorted(lines, key=lambda line: line.time), damaged)


def _lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Each line that is not empty; None for one that is too long to be ours."""
    while data := file.readline(_LONGEST_LINE):
        whole = data.endswith(b"\n") or len(data) < _LONGEST_LINE
        while not data.endswith(b"\n") and len(data) == _LONGEST_LINE:
            data = file.readline(_LONGEST_LINE)
        if not whole:
            yield None
        elif data.strip():
            yield data


def _of(data: bytes) -> Line | None:
    """None if the line is damaged or no answer."""
    try:
        found = json.loads(data)
        best, unknown = found["labels"][0], found.get("unknown")
        who = Origin(found["model"], found["version"], found.get("classifier"))
        time, label, score = datetime.fromisoformat(found["time"].replace("Z", "+00:00")), best["label"], best["score"]
        if time.tzinfo is None:
            return None
        time = time.astimezone(timezone.utc)
    except (ValueError, RecursionError, OverflowError, KeyError, IndexError, TypeError, AttributeError):
        return None
    names = [label, *(each for each in who if each is not None)]
    right = all(isinstance(each, str) and len(each) <= _LONGEST_NAME for each in names)
    known = who.name is not None and who.version is not None and (unknown is None or isinstance(unknown, bool))
    number = isinstance(score, int | float) and not isinstance(score, bool) and abs(score) < 1e30
    return (
        Line(time, who, label, float(score), unknown) if right and known and number and math.isfinite(score) else None
    )
