"""Shows the description of the interface as a page for people."""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Template

from ..judging.report.markup import text

_TEMPLATE = Path(__file__).parent / "page" / "docs.html"


def render(document: dict) -> str:
    """An OpenAPI document as HTML."""
    info = document["info"]
    sections = [
        _operation(path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = [
        f'<details id="{text(name)}"><summary>{text(name)}</summary>'
        f"<pre>{text(json.dumps(schema, indent=1))}</pre></details>"
        for name, schema in document["components"]["schemas"].items()
    ]
    return Template(_TEMPLATE.read_text("utf-8")).substitute(
        title=text(info["title"]),
        description=text(info["description"]),
        operations="\n".join(sections),
        schemas="\n".join(schemas),
    )


def _operation(path: str, method: str, operation: dict) -> str:
    responses = sorted(operation["responses"].items())
    rows = [
        ("request", ", ".join(_content(each) for each in [operation.get("requestBody", {})] if each)),
        *((each["name"], text(each["description"])) for each in operation.get("parameters", ())),
        *((status, f"{text(each['description'])} {_content(each)}") for status, each in responses),
    ]
    facts = "".join(f"<dt>{text(name)}</dt><dd>{words}</dd>" for name, words in rows if words or name != "request")
    return (
        f'<section><h2><span class="method">{method.upper()}</span> <code>{text(path)}</code></h2>'
        f'<p>{_with_code(operation["summary"])}</p><dl class="facts">{facts}</dl></section>'
    )


def _with_code(words: str) -> str:
    """Words between backticks become code, as in Markdown, which OpenAPI prescribes."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", text(words))


def _content(described: dict) -> str:
    """The media types, each with a link to its schema."""
    shown = []
    for kind, media in described.get("content", {}).items():
        name = media["schema"].get("$ref", "").rpartition("/")[2]
        shown.append(f'{text(kind)} <a href="#{text(name)}">{text(name)}</a>' if name else text(kind))
    return ", ".join(shown)
