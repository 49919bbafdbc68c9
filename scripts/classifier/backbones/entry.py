"""The entries of the table of pretrained networks: facts known before loading, and how to load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .backbone import Backbone
from .choices import Choices
from .sources import Source


@dataclass(frozen=True, kw_only=True)
class Loadable:
    """A network of the table, or one that the user has somewhere."""

    # From the folder where networks are kept, with the source's file in it.
    load: Callable[[Path, Choices], Backbone]
    source: Source | None = None  # None: there is nothing to fetch
    heeds: tuple[str, ...] = ()  # the choices that mean something for it


@dataclass(frozen=True, kw_only=True)
class Entry(Loadable):
    """A network of the table."""

    name: str
    input_size: int
    values: int  # a picture


@dataclass(frozen=True)
class Family:
    """Networks that are published and loaded in one way."""

    entries: tuple[Entry, ...]
    in_words: str  # as errors list them
