"""Finds out who took a photo, from the LICENSE.txt that comes with photos under Creative Commons."""

from __future__ import annotations

import functools
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..plain_text import printable
from .wording import counted

NAME = "LICENSE.txt"

# The text after a photo's path: `CC-BY by A Guy Taking Pictures - https://...`. The author's name may contain
# " - " and " by ", the URL no space.
_REST = re.compile(r"(?P<licence>\S.*?)\s+by\s+(?P<author>.*?)\s*(?:-\s+(?P<url>\w+://\S+))?")
# A line about a photo: licences of other kinds are called LICENSE.txt too.
_LINE = re.compile(r"\S.*\.\w{3,4}\s+\S.*?\s+by\s.*")


@dataclass(frozen=True)
class Attribution:
    """The texts contain no control characters, which a terminal might obey."""

    author: str
    licence: str
    url: str | None

    def __str__(self) -> str:
        return f"by {self.author or 'an unnamed author'} ({self.licence})" + (f", {self.url}" if self.url else "")


def find(photo: Path) -> Attribution | str:
    """Looks in the photo's folder and those above; a string says why nothing was found."""
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
            shortcoming = shortcoming or f"not listed in {place}"
    return shortcoming or f"no {NAME} in the folder or above lists photos"


def caption(photo: Path, called: str) -> str:
    """The photo's name, and its author if known."""
    who = find(photo)
    return printable(called) if isinstance(who, str) else f"{printable(called)} {who}"


def missing(photos: Sequence[Path]) -> list[str]:
    """Says which photos have no attribution, once for each reason."""
    reasons: dict[str, list[Path]] = {}
    for photo in photos:
        if isinstance(reason := find(photo), str):
            reasons.setdefault(reason, []).append(photo)
    return [f"no attribution{_of_which(found, photos)}: {reason}" for reason, found in reasons.items()]


def _of_which(some: Sequence[Path], photos: Sequence[Path]) -> str:
    if len(photos) == 1:
        return ""
    return f" for {printable(some[0].name) if len(some) == 1 else counted(len(some), 'photo')}"


def _places(photo: Path) -> Iterator[tuple[Path, str]]:
    """The files that might list the photo, and its path there: as it was named, and with links resolved."""
    named, real = Path(os.path.abspath(photo)), Path(os.path.realpath(photo))
    for path in dict.fromkeys((named, real)):
        for folder in path.parents:
            yield folder / NAME, _normal(path.relative_to(folder).as_posix())


@functools.lru_cache(maxsize=64)
def _read(place: str) -> tuple[str, ...] | str:
    """The file's lines, none if there is no such file; a string says why it cannot be read."""
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
