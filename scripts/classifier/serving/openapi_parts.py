"""What the descriptions of all operations are made of."""

from __future__ import annotations

STRING, NUMBER = {"type": "string"}, {"type": "number"}
BINARY = {"type": "string", "format": "binary"}


def array(items: dict, size: int | None = None) -> dict:
    return {"type": "array", "items": items, **({} if size is None else {"minItems": size, "maxItems": size})}


def closed(properties: dict) -> dict:
    """An object with exactly these properties."""
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def schema(name: str) -> dict:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def errors(*statuses: int) -> dict:
    words = {
        400: "The request is malformed, or a picture cannot be read.",
        401: "The token is missing or wrong.",
        404: "No such model or version, or the classifier cannot show it.",
        408: "The request took too long to arrive.",
        413: "The request is too large.",
        415: "The content type or encoding is not supported.",
        503: "Too many pictures are waiting. Try again after Retry-After seconds.",
    }
    return {str(status): {"description": words[status], "content": schema("Error")} for status in statuses}


def pictures(form: dict) -> dict:
    """A body that is one picture as it is, or a form."""
    kinds = ("application/octet-stream", "image/jpeg", "image/png")
    content = {**{kind: {"schema": BINARY} for kind in kinds}, "multipart/form-data": {"schema": form}}
    return {"required": True, "content": content}
