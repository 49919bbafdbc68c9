"""Finds who took a photo in the LICENSE.txt that comes with photos under Creative Commons."""

from __future__ import annotations

import functools
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NAME = "LICENSE.txt"

# What stands behind a photo's path: `CC-BY by A Guy Taking Pictures - https://...`. The author's name may hold
# " - " and " by " itself, the URL no space.
_REST = re.compile(r"(?P<licence>\S.*?)\s+by\s+(?P<author>.*?)\s*(?:-\s+(?P<url>\w+://\S+))?")
# Whether a line may be about a photo at all: other licences are called LICENSE.txt too.
_LINE = re.compile(r"\S.*\.\w{3,4}\s+\S.*?\s+by\s.*")


@dataclass(frozen=True)
class Attribution:
    """Texts hold nothing that a terminal would take for a command."""

    author: str
    licence: str
    url: str | None

    def __str__(self) -> str:
        return f"by {self.author or 'an unnamed author'} ({self.licence})" + (f", {self.url}" if self.url else "")


def find(photo: Path) -> Attribution | str:
    """Looks in the folders from the photo's own upwards; a string says why there is none."""
    shortcoming = None
    for place, relative in _places(photo):
        lines = _read(str(place))
        if isinstance(lines, str):
            shortcoming = shortcoming or lines
            continue
        for line in lines:
            if line.startswith(relative) and (found := _parse(line[len(relative) :])) is not None:
                return found
        if any(_LINE.fullmatch(line) for line in lines):
            shortcoming = shortcoming or f"it is not listed in {place}"
    return shortcoming or f"there is no {NAME} that lists photos in its folder or above"


def printable(text: str) -> str:
    """Without control characters, which names found in files might hold."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _places(photo: Path) -> Iterator[tuple[Path, str]]:
    """Where the photo might be listed, and under which path: as it was named, and as links lead to it."""
    named, real = Path(os.path.abspath(photo)), Path(os.path.realpath(photo))
    for path in dict.fromkeys((named, real)):
        for folder in path.parents:
            yield folder / NAME, _normal(path.relative_to(folder).as_posix())


@functools.lru_cache(maxsize=64)
def _read(place: str) -> tuple[str, ...] | str:
    """The file's lines, none where there is no such file; a string says why it cannot be read."""
    try:
        data = Path(place).read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return ()
    except OSError as error:
        return f"{place} cannot be read ({error.strerror})"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return tuple(_normal(line.strip()).removeprefix("./") for line in text.split("\n"))


def _parse(rest: str) -> Attribution | None:
    found = _REST.fullmatch(rest.strip()) if rest[:1].isspace() else None
    if found is None:
        return None
    url = found["url"]
    return Attribution(printable(found["author"]), printable(found["licence"]), None if url is None else printable(url))


def _normal(text: str) -> str:
    """Systems write é as one character or as two."""
    return unicodedata.normalize("NFC", text)
