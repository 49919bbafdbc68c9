"""The OpenAPI description of /label."""

from __future__ import annotations

from .openapi_parts import BINARY, NUMBER, STRING, array, closed, errors, pictures, schema


def schemas(labels: tuple[str, ...]) -> dict:
    labelled = {
        "type": "object",
        "required": ["label", "score"],
        "additionalProperties": False,
        "properties": {
            "label": {"type": "string", "enum": list(labels)},
            "name": STRING,
            "score": {"type": "number", "minimum": 0},
        },
    }
    sure = {
        "type": "object",
        "required": ["percent", "labels"],
        "additionalProperties": False,
        "properties": {"percent": NUMBER, "labels": array(STRING), "names": array(STRING)},
    }
    one = {"image": STRING, "unknown": {"type": "boolean"}, "distance": NUMBER, "sure": sure, "labels": array(labelled)}
    return {
        "Labelled": {
            "oneOf": [
                {
                    "type": "object",
                    "required": ["model", "version", "labels"],
                    "properties": {"model": STRING, "version": STRING, **one},
                    "additionalProperties": False,
                },
                closed(
                    {
                        "model": STRING,
                        "version": STRING,
                        "pictures": array(
                            {
                                "type": "object",
                                "properties": {**one, "error": STRING},
                                "additionalProperties": False,
                            }
                        ),
                    }
                ),
            ]
        },
    }


def operation() -> dict:
    files = {
        "type": "object",
        "required": ["image"],
        "properties": {
            "image": {"type": "array", "minItems": 1, "items": BINARY},
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
            },
            {
                "name": "sure",
                "in": "query",
                "description": "Also answer with the smallest set of labels that holds the right one in this "
                "percentage of cases, such as 95.",
                "schema": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 100},
            },
        ],
        "requestBody": pictures(files),
        "responses": {
            "200": {"description": "Labels and scores.", "content": schema("Labelled")},
            **errors(400, 401, 408, 413, 415, 503),
        },
    }
