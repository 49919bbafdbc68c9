"""The operations in the OpenAPI description, except that of /label."""

from __future__ import annotations

from .openapi_parts import BINARY, STRING, errors, pictures, schema


def get(summary: str, answer: str) -> dict:
    return {
        "summary": summary,
        "responses": {"200": {"description": "Success.", "content": schema(answer)}, **errors(401, 404)},
    }


def json(summary: str, asked: str, answer: str) -> dict:
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": schema(asked)},
        "responses": {
            "200": {"description": "One result for each picture, in the same order.", "content": schema(answer)},
            **errors(400, 401, 404, 408, 413, 415, 503),
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
    responses = {**operation["responses"], **errors(400, 404)}
    return {**operation, "parameters": [parameter], "responses": responses}


def why(labels: tuple[str, ...]) -> dict:
    file = {"type": "object", "required": ["image"], "properties": {"image": BINARY}}
    return {
        "summary": "Shows what in a picture spoke for a label: the picture in dark grey, and the brighter a place "
        "glows, the more it spoke for the label.",
        "parameters": [
            {
                "name": "label",
                "in": "query",
                "description": "The label (default: that with the highest score).",
                "schema": {"type": "string", "enum": list(labels)},
            }
        ],
        "requestBody": pictures(file),
        "responses": {
            "200": {"description": "A JPEG.", "content": {"image/jpeg": {"schema": BINARY}}},
            **errors(400, 401, 404, 408, 413, 415, 503),
        },
    }


def text(summary: str, stopping: bool = False) -> dict:
    plain = {"content": {"text/plain": {"schema": STRING}}}
    return {
        "summary": summary,
        "responses": {
            "200": {"description": "Success.", **plain},
            **({"503": {"description": "Stopping.", **plain}} if stopping else {}),
            **errors(401),
        },
    }
