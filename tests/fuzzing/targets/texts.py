"""Small files that people edit, or that other programs write: labels, names of labels, attributions."""

from __future__ import annotations

import json
from pathlib import Path

from scripts.classifier.errors import UserError
from scripts.classifier.formats import labels
from scripts.classifier.formats.model import Model
from scripts.classifier.judging import answer_log, over_time, over_time_words
from scripts.classifier.photos import attributions, category_names
from scripts.classifier.photos.preprocessing import Preprocessing
from scripts.classifier.plain_text import printable
from scripts.classifier.serving import tokens
from scripts.classifier.training.expected import Expected

from ..structured import json_lines, json_values
from ..target import Files, Target, alone

_LABELS = ("1", "10", "rosé")
_PHOTO = "flowers/red/a photo.jpg"
_ATTRIBUTED = f"""Photos under Creative Commons

{_PHOTO} CC-BY by A Guy Taking Pictures - https://www.example.org/photos/1
flowers/blue/b.jpg CC-BY 2.0 by Somebody - by - Else
./flowers/green/é.jpg public domain by
"""


def _labels() -> list[Files]:
    texts = ("blue\ngreen\nred\n", "\ufeffrosé\r\nsun flower\r\n", "", "a" * 300 + "\n", "x\x0by\x1cz\n")
    return [{"labels.txt": text.encode()} for text in texts]


def _read_labels(path: Path) -> None:
    take = Preprocessing(32, 32, 0.0, 1.0)
    model = Model(path.with_name("graph.pb"), take, None, None, None, open_runner=lambda: None, batch=1)
    given, _ = labels.find(model, labels.read(path))
    for found in (given, labels.beside(model.path, {"labels": ["red"]})):
        assert all(isinstance(each, str) and each.strip() for each in found)


def _names() -> list[Files]:
    names = {"1": "pink primrose", "10": "globe thistle", "rosé": "Rose"}
    texts = (json.dumps(names), f"\ufeff{json.dumps(names, indent=1)}")
    return [{"names.json": text.encode()} for text in texts]


def _read_names(path: Path) -> None:
    named = category_names.read(path, _LABELS)
    assert set(named) == set(_LABELS) and len(set(named.values())) == len(_LABELS)


def _attributions() -> list[Files]:
    texts = (_ATTRIBUTED.encode(), _ATTRIBUTED.encode("latin-1"), b"Apache License\nVersion 2.0")
    return [{attributions.NAME: data} for data in texts]


def _read_attributions(path: Path) -> None:
    attributions._read.cache_clear()  # it keeps files by their names, and these are all called the same
    for photo in (_PHOTO, "flowers/blue/b.jpg", "flowers/green/é.jpg", "none.jpg"):
        caption = attributions.caption(path.parent / photo, "a photo")
        assert caption == printable(caption)
    for line in attributions.missing([path.parent / _PHOTO, path.parent / "none.jpg"]):
        if line != printable(line):
            raise UserError(line)


def _tokens() -> list[Files]:
    return [{"token": data} for data in (b"correct horse\n", "geheimnis é\n".encode())]


def _read_token(path: Path) -> None:
    assert tokens.find(None, str(path))


def _answers() -> list[Files]:
    def line(at: int, **more: object) -> str:
        answer = {"unknown": bool(at % 2), "labels": [{"label": _LABELS[at % 3], "score": 0.9}]}
        return json.dumps({"time": f"2026-03-0{1 + at}T08:00:00.000Z", "model": "a", "version": "1", **more, **answer})

    lines = [line(at, classifier="0123456789abcdef") for at in range(5)] + [line(7), line(8)]
    return [{"answers.jsonl": "\n".join(lines).encode()}]


def _read_answers(path: Path) -> None:
    """As evaluate does."""
    before = Expected("testing", 12, 0.1, 0.9, 0.1, dict.fromkeys(_LABELS, 1 / 3))
    log = answer_log.read(path)
    history = over_time.of(log, lambda origin: origin.classifier is not None, _LABELS, before)
    for said in (*over_time_words.of_several(log), *over_time_words.describe(history, history.labels)):
        assert isinstance(said, str)
    json.dumps(over_time_words.as_record(log, history))


LABELS = Target("labels", _labels, alone(_read_labels), inputs=3000)
NAMES = Target("category_names", _names, alone(_read_names), inputs=2000, own=(json_values,))
ATTRIBUTIONS = Target("attributions", _attributions, alone(_read_attributions), inputs=1500)
TOKENS = Target("token_files", _tokens, alone(_read_token), inputs=1000)
ANSWERS = Target("answers", _answers, alone(_read_answers), inputs=1500, own=(json_lines,))
