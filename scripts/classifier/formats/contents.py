"""What a classifier carries into whatever format it is written in: itself, and all that its readers need to know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ..errors import UserError
from ..photos.preprocessing import Preprocessing

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

RECORD, LABELS, UNKNOWN = "classifier.json", "labels.txt", "unknown.npz"


@dataclass(frozen=True)
class Contents:
    graph_def: GraphDef  # frozen, for any number of pictures at once
    preprocessing: Preprocessing  # what graph_def takes, both layers named
    bottleneck: str | None  # the node with the values that the final layer looks at, where there is one
    labels: tuple[str, ...]
    record: dict  # of the run that made it; empty where nothing is known
    unknown: bytes | None  # what tells photos of no label, where it is known

    def files(self, preprocessing: Preprocessing, **more: object) -> dict[str, bytes]:
        """To be put into the written file, whose readers feed it by `preprocessing`; `more` goes into the record."""
        record = {**self.record, "preprocessing": asdict(preprocessing), "labels": list(self.labels), **more}
        files = {
            RECORD: json.dumps(record).encode("ascii"),
            LABELS: "".join(f"{label}\n" for label in self.labels).encode("utf-8", "surrogateescape"),
        }
        if self.unknown is not None:
            files[UNKNOWN] = self.unknown
        return files


def carried(files: Mapping[str, bytes], origin: object) -> tuple[dict | None, bytes | None]:
    """The record and what tells the unknown from what a file carries; None where it is not there."""
    if RECORD not in files:
        return None, files.get(UNKNOWN)
    try:
        record = json.loads(files[RECORD])
    except ValueError as error:
        raise UserError(f"{origin}: its {RECORD} is damaged ({error}): export it anew") from None
    return record, files.get(UNKNOWN)
