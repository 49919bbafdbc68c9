"""Everything that goes into a written classifier, in any format: the graph and what readers need to use it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ..errors import UserError
from ..photos.preprocessing import Preprocessing
from ..training import record_check

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

RECORD, LABELS, UNKNOWN = "classifier.json", "labels.txt", "unknown.npz"


@dataclass(frozen=True)
class Contents:
    graph_def: GraphDef  # frozen, for any number of pictures at once if it can be
    preprocessing: Preprocessing  # how to prepare pictures for graph_def, which takes RGB; names both layers
    bottleneck: str | None  # the node whose values the final layer takes, if there is one
    labels: tuple[str, ...]
    record: dict  # of the training run; empty if nothing is known
    unknown: bytes | None  # the data for recognising photos of no label, if there is any

    def files(self, preprocessing: Preprocessing, **more: object) -> dict[str, bytes]:
        """The files to put inside. `preprocessing` is what readers still have to do; `more` goes into the record."""
        return packed(preprocessing, self.labels, {**self.record, **more}, self.unknown)


def packed(
    preprocessing: Preprocessing, labels: tuple[str, ...], record: dict, unknown: bytes | None
) -> dict[str, bytes]:
    """The files inside a classifier; `preprocessing` and `labels` replace what the record says of them."""
    whole = {**record, "preprocessing": asdict(preprocessing), "labels": list(labels)}
    files = {
        RECORD: json.dumps(whole).encode("ascii"),
        LABELS: "".join(f"{label}\n" for label in labels).encode("utf-8", "surrogateescape"),
    }
    return files if unknown is None else {**files, UNKNOWN: unknown}


def carried(files: Mapping[str, bytes], origin: object) -> tuple[dict | None, bytes | None]:
    """The record, and the data about unknown photos, from the files inside a classifier; None if missing."""
    if RECORD not in files:
        return None, files.get(UNKNOWN)
    try:
        record = json.loads(files[RECORD])
    except (ValueError, RecursionError) as error:
        raise UserError(f"{origin}: its {RECORD} is damaged ({error}): export it again") from None
    if (fault := record_check.fault(record)) is not None:
        raise UserError(f"{origin}: its {RECORD} is damaged ({fault}): export it again")
    return record, files.get(UNKNOWN)
