"""What lies beside a graph: its record, its labels, and the data about unknown photos."""

from __future__ import annotations

import functools
import hashlib
import json
import random
from pathlib import Path

import numpy as np

from scripts.classifier.drawing import training_curves
from scripts.classifier.formats import classifiers, labels
from scripts.classifier.formats.answers import Answer
from scripts.classifier.formats.model import Model
from scripts.classifier.judging import drift
from scripts.classifier.judging.report import making
from scripts.classifier.photos import category_names, preprocessing
from scripts.classifier.photos.image_lists import ImageLists
from scripts.classifier.photos.preprocessing import Overrides
from scripts.classifier.serving import page, recent, recent_metrics, telling
from scripts.classifier.training import learning_unknown, replaced, run_record, seen, unknown
from scripts.classifier.training.outcome import Places

from ..structured import json_values, zip_headers, zip_members
from ..target import Files, Target, alone

_GRAPH, _RECORD, _UNKNOWN, _LABELS = "graph.pb", "graph.json", "graph.unknown.npz", "labels.txt"
_NAMES = ["blue", "green", "red"]
_VALUES = 6


def _record() -> dict:
    """As retrain writes it, with everything that is read again."""
    share = {"training": 16, "validation": 4, "testing": 4}
    curve = {"step": [0, 100, 200], "accuracy": [0.3, 0.8, 1.0], "cross_entropy": [1.1, 0.4, 0.1]}
    take = {"input_height": 32, "input_width": 32, "input_mean": 127.5, "input_std": 127.5}
    return {
        "preprocessing": {**take, "input_layer": "input", "output_layer": "final_result"},
        "labels": _NAMES,
        "category_names": {"blue": "blau", "green": "grün", "red": "rot"},
        "options": {"image_dir": "photos", "testing_percentage": 10, "validation_percentage": 10.5, "seed": 1},
        "backbone": {"architecture": "color_texture", "bottleneck_tensor": "b:0", "views": 1, "precision": "float32"},
        "recipe": {"hidden_units": [], "learning_rate": 0.01},
        "unknown": {"test_photos_kept": 0.95},
        "seen": {"training": "KYECH9rRVQBHqB9mnwH0AA==", "validation": "aq6HQa4bhwU="},
        "photos": dict.fromkeys(_NAMES, share),
        "test": {"photos": 12, "accuracy": 0.95, "interval_95": [0.8, 1.0]},
        "expected": {
            **{"split": "testing", "photos": 12, "unknown": 0.1, "mean_score": 0.9, "score_deviation": 0.1},
            "label_shares": dict.fromkeys(_NAMES, 1 / 3),
        },
        "curve": {**curve, **{f"validation_{key}": curve[key] for key in ("accuracy", "cross_entropy")}},
        "seconds": {"training": 1.5},
        "versions": {"python": "3.11"},
        "steps_trained": 200,
    }


@functools.cache
def _strangers() -> bytes:
    vectors = np.random.default_rng(0).normal(0, 1, (12, _VALUES)).astype(np.float32)
    return learning_unknown.of_vectors(vectors, np.arange(12) % 3, vectors, 0.95, 0).to_bytes()


def _samples() -> list[Files]:
    small = {"preprocessing": _record()["preprocessing"], "labels": _NAMES}
    others = {_GRAPH: b"graph", _UNKNOWN: _strangers(), _LABELS: b"blue\ngreen\n"}
    return [_sealed({**others, _RECORD: json.dumps(record).encode()}) for record in (_record(), small)]


def _sealed(files: Files) -> Files:
    """With the checksums of the other files in the record: without them, all of it is left unread."""
    try:
        record = json.loads(files[_RECORD])
    except (ValueError, RecursionError):
        return files
    if not isinstance(record, dict):
        return files
    sums = {"graph_sha256": _GRAPH, "unknown_sha256": _UNKNOWN}
    record |= {key: hashlib.sha256(files[name]).hexdigest() for key, name in sums.items()}
    return {**files, _RECORD: json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass")}


def _read(folder: Path) -> None:
    graph = folder / _GRAPH
    lists = ImageLists(Path("elsewhere"), tuple(_NAMES), ())
    for warning in replaced.warnings(Places(graph, folder / _LABELS), lists):
        assert isinstance(warning, str)
    record = run_record.read(graph)
    if record is None:
        return
    found = labels.beside(graph, record)
    known = category_names.known(record, tuple(record["labels"]))
    assert known is None or set(known) == set(record["labels"])
    take = preprocessing.settle(graph, record["preprocessing"], Overrides(), needs_layers=True)
    data = run_record.read_unknown(graph, record)
    strangers = None if data is None else unknown.from_bytes(data, graph)
    model = Model(graph, take, None, record, data, open_runner=_never, batch=1, gives_bottlenecks=True, labels=found)
    classifier = classifiers.Classifier(model, tuple(record["labels"]), strangers, known)
    page.render("name", 1, classifier, explains=True, answers_kept=True)
    used = recent.Recent(classifier)
    for _ in range(drift.FEWEST):
        used.add(Answer(np.ones(len(classifier.labels)), None, 2.0))
    json.dumps(used.as_json())
    recent_metrics.text(used)
    for wanted in (None, True, False):
        telling.line(classifier, wanted)
    making.making(record)
    if (known := seen.of(record)) is not None:
        assert set(known.uses([bytes(16), b"\xff" * 16])) <= {"training", "validation", "testing"}
    making.curves(record.get("curve"))


def _never() -> None:
    raise AssertionError("no pictures are labelled here")


def _read_curve(record: Path) -> None:
    """As plot_training does."""
    curve = run_record.read_curve(record)
    training_curves.draw(curve, "Training")


def _curves() -> list[Files]:
    return [{"record.json": json.dumps({"curve": _record()["curve"]}).encode()}]


def _read_unknown(path: Path) -> None:
    read = unknown.from_bytes(path.read_bytes(), path)
    distances = read.distances(np.ones((3, len(read.mean)), np.float32))
    assert distances.shape == (3,)


def npy_header(data: bytes, chance: random.Random) -> bytes | None:
    """Another shape or type of numbers."""
    if not data.startswith(b"\x93NUMPY"):
        return None
    end = data.index(b"\n") if b"\n" in data else len(data)
    header = data[10:end]
    old = chance.choice([b"<f4", b"|i1", b"<f8", b"(6,)", b"(2,)", b"False", b"(", b"shape", b"6"])
    new = [b"|O", b"<c16", b"<U9", b">f4", b"<M8", b"[('a', 'f4')]", b"V8", b"?", b"(2, 3)", b"()", b"(99999999999,)"]
    changed = header.replace(old, chance.choice([*new, b"True", b"(0,)", b"(-1,)", b"1e9", b"x()"]))
    return data[:8] + len(changed + b"\n").to_bytes(2, "little") + changed + data[end:]


TARGET = Target(
    "records",
    _samples,
    _read,
    inputs=1500,
    own=(json_values,),
    seal=_sealed,
    spared=frozenset({_GRAPH}),
)
CURVES = Target("curves", _curves, alone(_read_curve), inputs=80, own=(json_values,))
STRANGERS = Target(
    "unknown",
    lambda: [{"unknown.npz": _strangers()}],
    alone(_read_unknown),
    inputs=2500,
    own=(zip_members((npy_header,)), zip_members((npy_header,)), zip_headers),
)
