"""The operations in the OpenAPI description."""

from __future__ import annotations

_STRING = {"type": "string"}
_BINARY = {"type": "string", "format": "binary"}


def _schema(name: str) -> dict:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _errors(*statuses: int) -> dict:
    words = {
        400: "The request is malformed, or a picture cannot be read.",
        401: "The token is missing or wrong.",
        404: "No such model or version, or the classifier cannot show it.",
        408: "The request took too long to arrive.",
        413: "The request is too large.",
        415: "The content type or encoding is not supported.",
        503: "Too many pictures are waiting. Try again after Retry-After seconds.",
    }
    return {str(status): {"description": words[status], "content": _schema("Error")} for status in statuses}


def get(summary: str, answer: str) -> dict:
    return {
        "summary": summary,
        "responses": {"200": {"description": "Success.", "content": _schema(answer)}, **_errors(401, 404)},
    }


def json(summary: str, asked: str, answer: str) -> dict:
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": _schema(asked)},
        "responses": {
            "200": {"description": "One result for each picture, in the same order.", "content": _schema(answer)},
            **_errors(400, 401, 404, 408, 413, 415, 503),
        },
    }


def of_version(operation: dict) -> dict:
    parameter = {
        "name": "version",
        "in": "path",
        "required": True,
        "description": "The version in service.",
        "schema": {"type": "integer", "minimum": 0},
    }
    responses = {**operation["responses"], **_errors(400, 404)}
    return {**operation, "parameters": [parameter], "responses": responses}


def label() -> dict:
    files = {
        "type": "object",
        "required": ["image"],
        "properties": {
            "image": {"type": "array", "minItems": 1, "items": _BINARY},
        },
    }
    return {
        "summary": "Labels a picture, the highest score first, or all pictures of a form. "
        "`unknown` is true for a picture unlike those it was trained on, if the server tells unknown pictures.",
        "parameters": [
            {
                "name": "top_k",
                "in": "query",
                "description": "How many labels to return (default 5).",
                "schema": {"type": "integer", "minimum": 1, "maximum": 999_999},
            }
        ],
        "requestBody": _pictures(files),
        "responses": {
            "200": {"description": "Labels and scores.", "content": _schema("Labelled")},
            **_errors(400, 401, 408, 413, 415, 503),
        },
    }


def why(labels: tuple[str, ...]) -> dict:
    file = {"type": "object", "required": ["image"], "properties": {"image": _BINARY}}
    return {
        "summary": "Shows what in a picture spoke for a label: the picture in dark grey, and the lighter a place "
        "glows, the more it spoke for the label.",
        "parameters": [
            {
                "name": "label",
                "in": "query",
                "description": "The label (default: that with the highest score).",
                "schema": {"type": "string", "enum": list(labels)},
            }
        ],
        "requestBody": _pictures(file),
        "responses": {
            "200": {"description": "A JPEG.", "content": {"image/jpeg": {"schema": _BINARY}}},
            **_errors(400, 401, 404, 408, 413, 415, 503),
        },
    }


def _pictures(form: dict) -> dict:
    """A body that is one picture as it is, or a form."""
    kinds = ("application/octet-stream", "image/jpeg", "image/png")
    content = {**{kind: {"schema": _BINARY} for kind in kinds}, "multipart/form-data": {"schema": form}}
    return {"required": True, "content": content}


def text(summary: str, stopping: bool = False) -> dict:
    plain = {"content": {"text/plain": {"schema": _STRING}}}
    return {
        "summary": summary,
        "responses": {
            "200": {"description": "Success.", **plain},
            **({"503": {"description": "Stopping.", **plain}} if stopping else {}),
            **_errors(401),
        },
    }
