"""Requests and answers of TensorFlow Serving's REST interface: JSON, by row or by column."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..formats.answers import Answer
from ..formats.raw_pixels import PICTURES, SCORES
from ..formats.saved_model_signatures import CLASSES, CLASSIFY, EXAMPLES, IMAGE_BYTES, PIXELS, SERVING
from . import json_reading
from .batches import Picture
from .refusals import Refused

MOST_PICTURES = 128

_SIGNATURES = {"predict": (SERVING, PIXELS), "classify": (SERVING, CLASSIFY)}


@dataclass(frozen=True)
class Asked:
    pictures: list[Picture]
    by_column: bool


def read_predict(body: bytes, height: int, width: int) -> Asked:
    """Pictures given as pixels must have this height and width."""
    asked = _object(body, "predict")
    given = [key for key in ("instances", "inputs") if key in asked]
    if len(given) != 1:
        raise Refused(400, f'expected one of "instances" (row format) and "inputs" (column format), found {len(given)}')
    (key,) = given
    values = asked[key]
    if key == "inputs" and isinstance(values, dict) and "b64" not in values:
        values = _only(values, (IMAGE_BYTES, PICTURES), "inputs")
    if key == "inputs" and isinstance(values, dict):
        values = [values]
    if not isinstance(values, list):
        raise Refused(400, f'expected "{key}" to be a list of pictures, found {_shown(values)}')
    _check_count(values, key)
    if key == "instances":
        values = [
            _only(value, (IMAGE_BYTES, PICTURES), f"instances[{at}]")
            if isinstance(value, dict) and "b64" not in value
            else value
            for at, value in enumerate(values)
        ]
    pictures = [_picture(value, f"{key}[{at}]", height, width) for at, value in enumerate(values)]
    return Asked(pictures, by_column=key == "inputs")


def read_classify(body: bytes) -> list[Picture]:
    asked = _object(body, "classify")
    examples = asked.get("examples")
    if not isinstance(examples, list):
        raise Refused(400, f'expected "examples" to be a list of objects, found {_shown(examples)}')
    _check_count(examples, "examples")
    context = asked.get("context", {})
    if not isinstance(context, dict):
        raise Refused(400, f'expected "context" to be an object, found {_shown(context)}')
    pictures: list[Picture] = []
    for at, example in enumerate(examples):
        if not isinstance(example, dict):
            raise Refused(400, f"expected examples[{at}] to be an object, found {_shown(example)}")
        value = _only({**context, **example}, (IMAGE_BYTES,), f"examples[{at}]")
        if isinstance(value, list) and len(value) == 1:
            value = value[0]  # features are lists, and may be written as such
        pictures.append(_encoded(value, f"examples[{at}].{IMAGE_BYTES}"))
    return pictures


def predictions(answers: Sequence[Answer], labels: tuple[str, ...], by_column: bool) -> dict:
    scores = [answer.scores.tolist() for answer in answers]
    if by_column:
        return {"outputs": {SCORES: scores, CLASSES: [list(labels)] * len(scores)}}
    return {"predictions": [{SCORES: each, CLASSES: list(labels)} for each in scores]}


def results(answers: Sequence[Answer], labels: tuple[str, ...]) -> dict:
    """The answer to :classify."""
    return {"results": [list(zip(labels, answer.scores.tolist(), strict=True)) for answer in answers]}


def status(versions: Sequence[tuple[int, bool]]) -> dict:
    """The status of versions, each given with True if it is in service."""
    return {
        "model_version_status": [
            {
                "version": str(version),
                "state": "AVAILABLE" if available else "END",
                "status": {"error_code": "OK", "error_message": ""},
            }
            for version, available in versions
        ]
    }


def metadata(name: str, version: int, height: int, width: int, labels: int) -> dict:
    gives = {SCORES: _tensor("DT_FLOAT", SCORES, -1, labels), CLASSES: _tensor("DT_STRING", CLASSES, -1, labels)}
    signatures = {
        SERVING: (IMAGE_BYTES, _tensor("DT_STRING", IMAGE_BYTES, -1), "predict"),
        PIXELS: (PICTURES, _tensor("DT_FLOAT", PICTURES, -1, height, width, 3), "predict"),
        CLASSIFY: (EXAMPLES, _tensor("DT_STRING", EXAMPLES, -1), "classify"),
    }
    return {
        "model_spec": {"name": name, "signature_name": "", "version": str(version)},
        "metadata": {
            "signature_def": {
                "signature_def": {
                    signature: {
                        "inputs": {entry: tensor},
                        "outputs": gives,
                        "method_name": f"tensorflow/serving/{method}",
                    }
                    for signature, (entry, tensor, method) in signatures.items()
                }
            }
        },
    }


def _tensor(kind: str, name: str, *sizes: int) -> dict:
    dims = [{"size": str(size), "name": ""} for size in sizes]
    return {"dtype": kind, "tensor_shape": {"dim": dims, "unknown_rank": False}, "name": f"{name}:0"}


def _object(body: bytes, method: str) -> dict:
    try:
        asked = json_reading.loads(body)
    except RecursionError:
        raise Refused(400, "the JSON is nested too deeply") from None
    except ValueError as error:  # JSON or UTF-8
        raise Refused(400, f"the request is not JSON: {error}") from None
    if not isinstance(asked, dict):
        raise Refused(400, f"expected a JSON object, found {_shown(asked)}")
    signature = asked.get("signature_name", SERVING)
    if signature not in ("", *_SIGNATURES[method]):
        known = " and ".join(_SIGNATURES[method])
        raise Refused(400, f"unknown signature {_shown(signature)}: :{method} has {known}")
    return asked


def _check_count(values: list, key: str) -> None:
    if not values:
        raise Refused(400, f'"{key}" is empty: expected at least one picture')
    if len(values) > MOST_PICTURES:
        raise Refused(400, f'"{key}" has {len(values)} pictures, the most is {MOST_PICTURES}: send several requests')


def _only(values: dict, names: tuple[str, ...], place: str) -> object:
    if len(values) != 1 or next(iter(values)) not in names:
        found = ", ".join(_shown(name) for name in list(values)[:5]) or "nothing"
        raise Refused(400, f"{place}: expected {' or '.join(map(json.dumps, names))} and nothing else, found {found}")
    return next(iter(values.values()))


def _picture(value: object, place: str, height: int, width: int) -> Picture:
    if isinstance(value, dict):
        return _encoded(value, place)
    expected = f'expected {{"b64": ...}}, an encoded picture, or pixels of 0 to 255 as a list [{height}][{width}][3]'
    if not isinstance(value, list):
        raise Refused(400, f"{place}: {expected}, found {_shown(value)}")
    if (found := _shape(value)) != [height, width, 3]:
        raise Refused(400, f"{place}: {expected}, found a list {''.join(f'[{size}]' for size in found)}")
    # NumPy would read lists of any length and text of any kind before it said what it had found.
    if not all(_is_list(row, width) and all(_is_list(pixel, 3) for pixel in row) for row in value):
        raise Refused(400, f"{place}: {expected}, found lists of different lengths")
    numbers = [number for row in value for pixel in row for number in pixel]
    if not {*map(type, numbers)} <= {int, float}:
        raise Refused(400, f"{place}: {expected}, found a list of something other than numbers")
    if not all(0 <= number <= 255 for number in numbers):
        raise Refused(400, f"{place}: {expected}, found values outside that range")
    return np.array(numbers, np.float32).reshape(height, width, 3)


def _shape(value: object) -> list[int]:
    """The lengths of nested lists, seen from the first values, which are not more than four lists deep."""
    sizes: list[int] = []
    while isinstance(value, list) and len(sizes) < 4:
        sizes.append(len(value))
        value = value[0] if value else None
    return sizes


def _is_list(value: object, length: int) -> bool:
    return isinstance(value, list) and len(value) == length


def _encoded(value: object, place: str) -> bytes:
    if not isinstance(value, dict) or list(value) != ["b64"] or not isinstance(value["b64"], str):
        raise Refused(400, f'{place}: expected {{"b64": "..."}}, found {_shown(value)}')
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(400, f"{place}: the value of b64 is not base64: {error}") from None


def _shown(value: object) -> str:
    """A JSON value in a few words, for error messages."""
    kinds = {dict: "an object", list: "a list", bool: "true or false", type(None): "nothing"}
    return kinds.get(type(value)) or json.dumps(value)[:60]
