"""The description of the interface that programs read."""

from __future__ import annotations

from .bodies import MOST_BYTES
from .tensorflow_rest import MOST_PICTURES

_STRING, _NUMBER = {"type": "string"}, {"type": "number"}
_B64 = {
    "type": "object",
    "required": ["b64"],
    "additionalProperties": False,
    "properties": {"b64": {"type": "string", "contentEncoding": "base64", "description": "An encoded picture."}},
}
# One pixel, as an example.
_SMALL_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGOoBwAAgQCAf5Bo1gAAAABJRU5ErkJggg=="


def document(name: str, labels: tuple[str, ...], height: int, width: int) -> dict:
    model, versioned = f"/v1/models/{name}", f"/v1/models/{name}/versions/{{version}}"
    operations = {
        "/label": {"post": _label()},
        model: {"get": _get("Which versions there are, and which is in service.", "Status")},
        f"{model}/metadata": {"get": _get("What it takes and gives, as TensorFlow describes signatures.", "Metadata")},
        f"{model}:predict": {"post": _json("The scores of pictures.", "Predict", "Predictions")},
        f"{model}:classify": {"post": _json("Labels with scores.", "Classify", "Results")},
        f"{versioned}/metadata": {"get": _of_version(_get("The same of one version.", "Metadata"))},
        f"{versioned}:predict": {"post": _of_version(_json("The same of one version.", "Predict", "Predictions"))},
        f"{versioned}:classify": {"post": _of_version(_json("The same of one version.", "Classify", "Results"))},
        versioned: {"get": _of_version(_get("The same of one version.", "Status"))},
        "/healthz": {"get": _text("Whether the process is alive; asks for no token.")},
        "/readyz": {"get": _text("Whether pictures are taken; 503 while it is being stopped.", stopping=True)},
        "/metrics": {"get": _text("Counts and times in Prometheus' form.")},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Poets: {name}",
            "version": "1",
            "description": f"Tells {len(labels)} labels apart. Addresses under /v1 are those of TensorFlow Serving's "
            f"REST interface. A request may hold {MOST_BYTES // 1_000_000} MB and {MOST_PICTURES} pictures. Where the "
            "server was started with --token, all but /healthz ask for Authorization: Bearer TOKEN.",
        },
        "paths": operations,
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
    """An object of these and nothing else."""
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _schema(name: str) -> dict:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _errors(*statuses: int) -> dict:
    words = {
        400: "What was asked cannot be understood, or holds no picture.",
        401: "The token is missing or wrong.",
        404: "No such model or version.",
        408: "The request did not arrive in time.",
        413: "The request is too large.",
        415: "It is of a kind that is not read.",
        503: "Too many pictures are waiting; Retry-After says when to try again.",
    }
    return {str(status): {"description": words[status], "content": _schema("Error")} for status in statuses}


def _get(summary: str, answer: str) -> dict:
    return {
        "summary": summary,
        "responses": {"200": {"description": "What was asked for.", "content": _schema(answer)}, **_errors(401, 404)},
    }


def _json(summary: str, asked: str, answer: str) -> dict:
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": _schema(asked)},
        "responses": {
            "200": {"description": "In the order of the pictures.", "content": _schema(answer)},
            **_errors(400, 401, 404, 408, 413, 415, 503),
        },
    }


def _of_version(operation: dict) -> dict:
    parameter = {
        "name": "version",
        "in": "path",
        "required": True,
        "description": "A version that is in service.",
        "schema": {"type": "integer", "minimum": 0},
    }
    responses = {**operation["responses"], **_errors(400, 404)}
    return {**operation, "parameters": [parameter], "responses": responses}


def _label() -> dict:
    picture = {"schema": {"type": "string", "format": "binary"}}
    files = {
        "type": "object",
        "required": ["image"],
        "properties": {
            "image": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}},
        },
    }
    return {
        "summary": "The labels of a picture, the likeliest first; of a form with several files, those of each.",
        "parameters": [
            {
                "name": "top_k",
                "in": "query",
                "description": "How many labels are wanted; 5 where it is not said.",
                "schema": {"type": "integer", "minimum": 1, "maximum": 999_999},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": picture,
                "image/jpeg": picture,
                "image/png": picture,
                "multipart/form-data": {"schema": files},
            },
        },
        "responses": {
            "200": {"description": "Labels and scores.", "content": _schema("Labelled")},
            **_errors(400, 401, 408, 413, 415, 503),
        },
    }


def _text(summary: str, stopping: bool = False) -> dict:
    plain = {"content": {"text/plain": {"schema": _STRING}}}
    return {
        "summary": summary,
        "responses": {
            "200": {"description": "Yes.", **plain},
            **({"503": {"description": "No.", **plain}} if stopping else {}),
            **_errors(401),
        },
    }
