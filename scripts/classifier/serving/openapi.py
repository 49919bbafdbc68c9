"""The OpenAPI description of the interface."""

from __future__ import annotations

from . import openapi_label, operations, recent
from .bodies import MOST_BYTES
from .openapi_parts import NUMBER, STRING, array, closed
from .tensorflow_rest import MOST_PICTURES

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
        "/label": {"post": openapi_label.operation()},
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
        "/watching": {
            "get": operations.get("Compares recent pictures with the test photos, in numbers and words.", "Watching")
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
    byte = {"type": "number", "minimum": 0, "maximum": 255}
    pixels = {**array(array(array(byte, 3), width), height), "description": f"Pixels, [{height}][{width}][3]."}
    example = closed({"image_bytes": _B64})
    several = {"minItems": 1, "maxItems": MOST_PICTURES}
    pictures = {**array({"anyOf": [_B64, example, pixels, closed({"pictures": pixels})]}), **several}
    signature = {"type": "string", "enum": ["", "serving_default", "pixels"]}
    scored = closed({"scores": array(NUMBER, len(labels)), "classes": array(STRING, len(labels))})
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
                    closed({"image_bytes": {**array(_B64), **several}}),
                    closed({"pictures": {**array(pixels), **several}}),
                ]
            },
        },
    }
    version = {"version": STRING, "state": {"enum": ["AVAILABLE", "END"]}, "status": {"type": "object"}}
    return {
        "Predict": {"oneOf": [rows, columns]},
        "Predictions": {
            "oneOf": [
                closed({"predictions": array(scored)}),
                closed({"outputs": closed({"scores": array(array(NUMBER)), "classes": array(array(STRING))})}),
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
        "Results": closed({"results": array(array({"type": "array", "minItems": 2, "maxItems": 2}))}),
        "Status": closed({"model_version_status": array(closed(version))}),
        "Metadata": closed({"model_spec": {"type": "object"}, "metadata": {"type": "object"}}),
        **openapi_label.schemas(labels),
        "Watching": recent.SCHEMA,
        "Error": closed({"error": STRING}),
    }
