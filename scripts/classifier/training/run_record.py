"""The .json beside a written graph: its input and labels, how it was trained, and how accurate it is."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib import metadata
from pathlib import Path

from .. import atomic_files
from ..backbones.backbone import MEAN, STD, Backbone
from ..errors import UserError
from ..photos.image_lists import SPLITS, ImageLists
from ..photos.preprocessing import Preprocessing
from . import record_check, seen
from .final_layer import Evaluation

ENDING, UNKNOWN_ENDING = ".json", ".unknown.npz"
_ENCODING = "utf-8", "surrogateescape"

# A chart cannot show more points than this apart.
_MOST_POINTS = 100


def preprocessing(backbone: Backbone, final_tensor_name: str) -> Preprocessing:
    size = backbone.input_size
    return Preprocessing(size, size, MEAN, STD, "input", final_tensor_name, fit=backbone.fit)


def backbone(backbone: Backbone, precision: str) -> dict:
    return {
        "architecture": backbone.name,
        "fingerprint": backbone.fingerprint,
        "precision": precision,
        "bottleneck_tensor": f"{backbone.bottleneck_name}:0",
        "bottleneck_size": backbone.bottleneck_size,
        "views": backbone.views,
    }


def path_beside(graph: Path) -> Path:
    return graph.with_suffix(ENDING)


def unknown_beside(graph: Path) -> Path:
    """The file with the data that recognises unknown photos."""
    return graph.with_suffix(UNKNOWN_ENDING)


@dataclass(frozen=True)
class Written:
    """A graph and its labels, as they will be written, and the place of each."""

    graph: Path
    data: bytes
    labels: tuple[str, ...]  # in the order of the scores
    labels_file: Path | None = None

    def write(self, preprocessing: Preprocessing, record: dict, unknown: bytes | None = None) -> list[Path]:
        """Writes them with the record, which holds the graph's checksum, and the data about unknown photos.

        The graph comes last: if this is cut off, the record is that of another graph, as `is_of_another` tells.
        """
        whole = {
            "preprocessing": asdict(preprocessing),
            "labels": list(self.labels),
            **record,
            "graph_sha256": hashlib.sha256(self.data).hexdigest(),
            "unknown_sha256": None if unknown is None else hashlib.sha256(unknown).hexdigest(),
        }
        first = {path_beside(self.graph): f"{json.dumps(whole, indent=2, ensure_ascii=False)}\n".encode(*_ENCODING)}
        last = {} if unknown is None else {unknown_beside(self.graph): unknown}
        graph, *labels = self._write({**first, **last})
        if unknown is None:
            unknown_beside(self.graph).unlink(missing_ok=True)
        return [graph, *labels, *first, *last]

    def write_without_record(self) -> list[Path]:
        """Removes an earlier graph first: if this is cut off, no record would tell that the labels are another's.

        Its record goes too, which would say that these are another graph's.
        """
        return self._write({}, [self.graph, path_beside(self.graph), unknown_beside(self.graph)])

    def _write(self, before: dict[Path, bytes], former: Sequence[Path] = ()) -> list[Path]:
        """Returns the graph's path and that of the labels, one a line, if they have a file."""
        lines = "".join(f"{label}\n" for label in self.labels)
        labels = {} if self.labels_file is None else {self.labels_file: lines.encode(*_ENCODING)}
        atomic_files.write_together({**before, **labels, self.graph: self.data}, former)
        return [self.graph, *labels]


def read(graph: Path) -> dict | None:
    """The record of this graph; None if it is missing or belongs to an earlier graph of the same name."""
    record = _beside(graph)
    if record is None or record.get("graph_sha256") != _checksum(graph):
        return None
    if (fault := record_check.fault(record)) is not None:
        raise UserError(f"{path_beside(graph)} is damaged ({fault}): delete it or replace it")
    return record


def is_of_another(graph: Path) -> bool:
    """True if the record beside this graph is that of another, so that the labels there may be another's too."""
    wanted = (_beside(graph) or {}).get("graph_sha256")
    return wanted is not None and wanted != _checksum(graph)


def _beside(graph: Path) -> dict | None:
    """What the .json beside the graph holds, which may be anybody's; None if there is none."""
    try:
        record = json.loads(path_beside(graph).read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, OSError, RecursionError) as error:
        raise UserError(f"cannot read {path_beside(graph)} ({error}): delete it or replace it") from None
    return record if isinstance(record, dict) else None


def _checksum(graph: Path) -> str:
    return hashlib.sha256(graph.read_bytes()).hexdigest()


def read_unknown(graph: Path, record: dict | None) -> bytes | None:
    """The data about unknown photos that was written together with this record."""
    wanted = None if record is None else record.get("unknown_sha256")
    try:
        data = None if wanted is None else unknown_beside(graph).read_bytes()
    except OSError:
        return None  # code that needs it reports that it is missing
    return data if data is not None and hashlib.sha256(data).hexdigest() == wanted else None


def versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("tensorflow", "numpy", "pillow")},
    }


def curve(evaluations: list[Evaluation]) -> dict[str, list]:
    """The training's curve, a column for each measure, thinned out evenly but always with the last evaluation."""
    every = -(-len(evaluations) // _MOST_POINTS) or 1
    shown = evaluations[(len(evaluations) - 1) % every :: every] if evaluations else []
    return {field.name: [_rounded(getattr(at, field.name)) for at in shown] for field in fields(Evaluation)}


def read_curve(record: Path) -> dict[str, list]:
    """The training's curve, from a record that the user names."""
    try:
        whole = json.loads(record.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or f"it is not JSON: {error}"
        raise UserError(f"cannot read {record} ({why}): give the .json that was written beside a graph") from None
    found = whole.get("curve") if isinstance(whole, dict) else None
    wanted = [field.name for field in fields(Evaluation)]
    if not isinstance(found, dict) or not record_check.is_curve(found) or not all(map(found.get, wanted)):
        raise UserError(f"{record} holds no training curve: give the .json that was written beside a graph")
    return found


def _rounded(number: float | None) -> float | None:
    return number if number is None or isinstance(number, int) else float(f"{number:.5g}")


def photos(
    lists: ImageLists,
    fingerprint: str,
    unreadable: Mapping[str, str],
    contents: Mapping[str, bytes],
    others: Sequence[tuple[ImageLists, Mapping[str, bytes]]] = (),
) -> dict:
    """The record's entries about the photos; `fingerprint` is their data_fingerprint, `contents` their digests.

    `others` are of no label, but training has seen them too.
    """
    return {
        "photos": split_sizes(lists),
        "unreadable_photos": len(unreadable),
        "data_fingerprint": fingerprint,
        seen.RECORDED: seen.as_record((lists, contents), *others),
    }


def split_sizes(lists: ImageLists) -> dict[str, dict[str, int]]:
    counts = {split: lists.counts(split) for split in SPLITS}
    return {label: {split: counts[split][index] for split in SPLITS} for index, label in enumerate(lists.labels)}


def data_fingerprint(keys: dict[str, list[bytes]], lists: ImageLists) -> str:
    """sha256 over the label, split and content (`keys`) of every photo used, whatever its name or folder."""
    lines = sorted(
        f"{lists.labels[photo.label]}\0{photo.split}\0{b''.join(keys[photo.path]).hex()}" for photo in lists.photos
    )
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
