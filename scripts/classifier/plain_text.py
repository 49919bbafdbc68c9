"""Makes text from elsewhere safe to show: names of files, labels, and words of other programs may hold anything.

Escapes may colour, move or retitle a terminal, line breaks fake a second message, and marks of direction let a name
read backwards. All of them are shown as Python would write them (`\\x1b`). Other letters stay, whatever the script.
"""

from __future__ import annotations

import json
import re

# C0, DEL and C1; the line and paragraph separators; the marks that change the direction of the text around them; and
# what stands for bytes of file names that are not UTF-8.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

# A spreadsheet takes a cell that begins so for a formula, and runs it.
_BEGINS_FORMULA = ("=", "+", "-", "@")


def printable(text: object) -> str:
    """The text in one line that a terminal shows as it is."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), str(text))


def json_line(value: object) -> str:
    """JSON in one line, readable in every script. What a terminal might obey is escaped, which loses nothing."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def cell(text: object) -> str:
    """A cell of a table that spreadsheets show as text: what begins like a formula gets an apostrophe in front."""
    shown = printable(text)
    return f"'{shown}" if shown.lstrip().startswith(_BEGINS_FORMULA) else shown
