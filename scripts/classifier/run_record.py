"""The .json beside a written graph: how to feed it, what it knows, how it came to be and how good it is."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from scripts.classifier import atomic_files
from scripts.classifier.backbones.backbone import Backbone
from scripts.classifier.bottlenecks import MEAN, STD
from scripts.classifier.errors import UserError
from scripts.classifier.image_lists import SPLITS, ImageLists

ENDING = ".json"


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes what the graph takes: squeezed to a square, then (pixel - mean) / std."""

    input_height: int
    input_width: int
    input_mean: float
    input_std: float
    input_layer: str
    output_layer: str


def preprocessing(backbone: Backbone, final_tensor_name: str) -> Preprocessing:
    return Preprocessing(backbone.input_size, backbone.input_size, MEAN, STD, "input", final_tensor_name)


def backbone(backbone: Backbone, precision: str) -> dict:
    return {
        "architecture": backbone.name, "fingerprint": backbone.fingerprint, "precision": precision,
        "bottleneck_tensor": f"{backbone.bottleneck_name}:0", "bottleneck_size": backbone.bottleneck_size,
    }  # fmt: skip


def path_beside(graph: Path) -> Path:
    return graph.with_suffix(ENDING)


def write(graph: Path, preprocessing: Preprocessing, labels: tuple[str, ...], record: dict) -> None:
    """To be called once the graph is written: its checksum ties the two together."""
    whole = {
        "preprocessing": asdict(preprocessing), "labels": list(labels), **record,
        "graph_sha256": hashlib.sha256(graph.read_bytes()).hexdigest(),
    }  # fmt: skip
    atomic_files.write_text(path_beside(graph), json.dumps(whole, indent=2, ensure_ascii=False) + "\n")


def read(graph: Path) -> dict | None:
    """The record of this very graph; None if there is none, or it is of another graph that was written there."""
    try:
        record = json.loads(path_beside(graph).read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, OSError) as error:
        raise UserError(f"{path_beside(graph)} cannot be read ({error}): delete it or replace it") from None
    same = isinstance(record, dict) and record.get("graph_sha256") == hashlib.sha256(graph.read_bytes()).hexdigest()
    return record if same else None


def versions() -> dict[str, str]:
    return {"python": platform.python_version(),
            **{name: metadata.version(name) for name in ("tensorflow", "numpy", "pillow")}}  # fmt: skip


def split_sizes(lists: ImageLists) -> dict[str, dict[str, int]]:
    counts = {split: lists.counts(split) for split in SPLITS}
    return {label: {split: counts[split][index] for split in SPLITS} for index, label in enumerate(lists.labels)}


def data_fingerprint(keys: dict[str, list[bytes]], lists: ImageLists) -> str:
    """sha256 over label, split and content of every photo used, whatever its name or place."""
    lines = sorted(
        f"{lists.labels[photo.label]}\0{photo.split}\0{b''.join(keys[photo.path]).hex()}" for photo in lists.photos
    )
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
