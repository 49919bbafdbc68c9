"""The OpenAPI description of the interface."""

from __future__ import annotations

from . import operations
from .bodies import MOST_BYTES
from .tensorflow_rest import MOST_PICTURES

_STRING, _NUMBER = {"type": "string"}, {"type": "number"}
_B64 = {
    "type": "object",
    "required": ["b64"],
    "additionalProperties": False,
    "properties": {
        "b64": {"type": "string", "contentEncoding": "base64", "description": "An encoded picture (JPEG, PNG ...)."}
    },
}
# One pixel, as an example.
_SMALL_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGOoBwAAgQCAf5Bo1gAAAABJRU5ErkJggg=="


def document(name: str, labels: tuple[str, ...], height: int, width: int, explains: bool) -> dict:
    model, versioned = f"/v1/models/{name}", f"/v1/models/{name}/versions/{{version}}"
    paths = {
        "/label": {"post": operations.label()},
        **({"/why": {"post": operations.why(labels)}} if explains else {}),
        model: {"get": operations.get("Lists the versions and shows which one is in service.", "Status")},
        f"{model}/metadata": {
            "get": operations.get("Describes inputs and outputs as TensorFlow signatures.", "Metadata")
        },
        f"{model}:predict": {"post": operations.json("Scores pictures.", "Predict", "Predictions")},
        f"{model}:classify": {
            "post": operations.json("Gives each picture's labels with their scores.", "Classify", "Results")
        },
        f"{versioned}/metadata": {
            "get": operations.of_version(operations.get("The same for one version.", "Metadata"))
        },
        f"{versioned}:predict": {
            "post": operations.of_version(operations.json("The same for one version.", "Predict", "Predictions"))
        },
        f"{versioned}:classify": {
            "post": operations.of_version(operations.json("The same for one version.", "Classify", "Results"))
        },
        versioned: {"get": operations.of_version(operations.get("The same for one version.", "Status"))},
        "/healthz": {"get": operations.text("Checks that the server is alive. Needs no token.")},
        "/readyz": {
            "get": operations.text("Checks that the server accepts pictures. 503 while it is stopping.", stopping=True)
        },
        "/metrics": {"get": operations.text("Counts and times for Prometheus.")},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Poets: {name}",
            "version": "1",
            "description": f"A classifier of {len(labels)} labels. Addresses under /v1 follow TensorFlow Serving's "
            f"REST interface. A request may have up to {MOST_BYTES // 1_000_000} MB and {MOST_PICTURES} pictures. If "
            "the server was started with --token, send Authorization: Bearer TOKEN; only /healthz needs none.",
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(labels, height, width),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _schemas(labels: tuple[str, ...], height: int, width: int) -> dict:
    def array(items: dict, size: int | None = None) -> dict:
        return {"type": "array", "items": items, **({} if size is None else {"minItems": size, "maxItems": size})}

    byte = {"type": "number", "minimum": 0, "maximum": 255}
    pixels = {**array(array(array(byte, 3), width), height), "description": f"Pixels, [{height}][{width}][3]."}
    example = _closed({"image_bytes": _B64})
    several = {"minItems": 1, "maxItems": MOST_PICTURES}
    pictures = {**array({"anyOf": [_B64, example, pixels, _closed({"pictures": pixels})]}), **several}
    signature = {"type": "string", "enum": ["", "serving_default", "pixels"]}
    scored = _closed({"scores": array(_NUMBER, len(labels)), "classes": array(_STRING, len(labels))})
    labelled = {
        "type": "object",
        "required": ["label", "score"],
        "additionalProperties": False,
        "properties": {
            "label": {"type": "string", "enum": list(labels)},
            "name": _STRING,
            "score": {"type": "number", "minimum": 0},
        },
    }
    one = {"image": _STRING, "unknown": {"type": "boolean"}, "distance": _NUMBER, "labels": array(labelled)}
    rows = {
        "type": "object",
        "required": ["instances"],
        "properties": {"signature_name": signature, "instances": pictures},
        "examples": [{"instances": [{"b64": _SMALL_PNG}]}],
    }
    columns = {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "signature_name": signature,
            "inputs": {
                "anyOf": [
                    {**array({"anyOf": [_B64, pixels]}), **several},
                    _closed({"image_bytes": {**array(_B64), **several}}),
                    _closed({"pictures": {**array(pixels), **several}}),
                ]
            },
        },
    }
    version = {"version": _STRING, "state": {"enum": ["AVAILABLE", "END"]}, "status": {"type": "object"}}
    return {
        "Predict": {"oneOf": [rows, columns]},
        "Predictions": {
            "oneOf": [
                _closed({"predictions": array(scored)}),
                _closed({"outputs": _closed({"scores": array(array(_NUMBER)), "classes": array(array(_STRING))})}),
            ]
        },
        "Classify": {
            "type": "object",
            "required": ["examples"],
            "properties": {
                "signature_name": {"type": "string", "enum": ["", "serving_default", "classify"]},
                "context": {"type": "object", "maxProperties": 0},
                "examples": {**array(example), **several},
            },
        },
        "Results": _closed({"results": array(array({"type": "array", "minItems": 2, "maxItems": 2}))}),
        "Status": _closed({"model_version_status": array(_closed(version))}),
        "Metadata": _closed({"model_spec": {"type": "object"}, "metadata": {"type": "object"}}),
        "Labelled": {
            "oneOf": [
                {
                    "type": "object",
                    "required": ["model", "version", "labels"],
                    "properties": {"model": _STRING, "version": _STRING, **one},
                    "additionalProperties": False,
                },
                _closed(
                    {
                        "model": _STRING,
                        "version": _STRING,
                        "pictures": array(
                            {
                                "type": "object",
                                "properties": {**one, "error": _STRING},
                                "additionalProperties": False,
                            }
                        ),
                    }
                ),
            ]
        },
        "Error": _closed({"error": _STRING}),
    }


def _closed(properties: dict) -> dict:
    """An object with exactly these properties."""
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }
