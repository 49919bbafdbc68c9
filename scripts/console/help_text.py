"""The text of --help: what a command does, an example, its most used flags, then the others by group."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

from ..classifier import invocation
from .flags import GROUPS, Flag

WIDEST, NARROWEST = 100, 40
_NO_BREAK = "\xa0"  # for commands in running text
_FEW = 6  # flags that need no headings
_CLONE = "python -m scripts."  # as docstrings write commands


def text(doc: str, flags: Iterable[Flag], most_used: Iterable[Flag], columns: int) -> str:
    """The whole text, for a terminal of this width."""
    width = max(NARROWEST, min(WIDEST, columns))
    return "\n".join([*_description(doc, width), *_list(list(flags), list(most_used), width)])


def _description(doc: str, width: int) -> Iterator[str]:
    """The command's docstring, with commands written as the user runs them. Indented lines are not joined."""
    for paragraph in doc.strip().replace("\\\n", "").split("\n\n"):
        lines = paragraph.splitlines()
        if paragraph.startswith(" "):
            for line in lines:
                yield from _indented(line, width)
        else:
            yield from _fill(" ".join(lines), width)
        yield ""


def _indented(line: str, width: int) -> list[str]:
    """An example of use, wrapped with backslashes, or a row of a table."""
    indent = " " * (len(line) - len(line.lstrip()))
    if line.strip().startswith("python "):
        words = " ".join(line.split()).replace(_CLONE, invocation.command(""))
        broken = _fill(words, width - 2, indent, f"{indent}    ")
        return [f"{part} \\" for part in broken[:-1]] + broken[-1:]
    columns = re.match(r"\s+\S+\s{2,}", line)
    return _fill(line, width, "", " " * columns.end() if columns else indent)


def _list(flags: list[Flag], first: list[Flag], width: int) -> Iterator[str]:
    groups: dict[str, list[Flag]] = {}
    if first:
        groups["Most used"] = first
    for name in (*GROUPS, None):
        if members := [flag for flag in flags if flag not in first and flag.group == name]:
            groups[(name or "other flags").capitalize()] = members
    if (not first and len(flags) <= _FEW) or len(groups) == 1:
        groups = {"Flags": flags}
    for at, (heading, members) in enumerate(groups.items()):
        yield from ([""] if at else [])
        yield f"{heading}:"
        for flag in members:
            yield f"  --[no]{flag.name}" if flag.boolean else f"  --{flag.name}"
            yield from _fill(described(flag), width, " " * 6, " " * 6)


def described(flag: Flag) -> str:
    """What a flag does, its possible values and its default."""
    sentences = [" ".join(flag.help.split())]
    if flag.choices:
        sentences.append(f"One of {', '.join(flag.choices)}.")
    if flag.default_as_str is not None and not (flag.boolean and not flag.default):
        sentences.append(f"Default: {flag.default_as_str}")
    return " ".join(sentences)


def _fill(words: str, width: int, first: str = "", others: str = "") -> list[str]:
    words = re.sub("`[^`]*`", lambda quoted: quoted[0].replace(" ", _NO_BREAK), words)
    lines = textwrap.wrap(words, width, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)
    return [line.replace(_NO_BREAK, " ") for line in lines]
