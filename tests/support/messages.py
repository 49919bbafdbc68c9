"""The texts in the code of scripts/ that a user may read."""

import ast
import functools
import re

from tests.support.workplace import ROOT

_FILLED_IN = "\0"  # where an f-string has a value


@functools.cache
def texts() -> tuple[str, ...]:
    found = []
    for path in sorted((ROOT / "scripts").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else _FILLED_IN for part in node.values)
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return tuple(found)


def occurs(quoted: str) -> bool:
    """Is there a text with these words? Each … stands for anything."""
    pattern = re.compile(".*".join(re.escape(part.strip()) for part in quoted.split("…")), re.S)
    return any(pattern.search(text) for text in texts())
