"""The entries of the table of pretrained networks: facts known before loading, and how to load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..showing import Show
from .backbone import Backbone
from .choices import Choices
from .sources import Source
from .weights_packages import WeightsPackage


@dataclass(frozen=True, kw_only=True)
class Loadable:
    """A network of the table, or one of the user's own."""

    # Takes the folder of pretrained networks, which holds the source's file by then.
    load: Callable[[Path, Choices], Backbone]
    source: Source | None = None  # None: nothing to download
    fetch: Callable[[Show], None] | None = None  # gets its files, if no source names them
    megabytes_left: Callable[[], int] | None = None  # about, before `fetch`
    package: WeightsPackage | None = None  # holds its weights, if it is installed with pip
    heeds: tuple[str, ...] = ()  # the choices that apply to it


@dataclass(frozen=True, kw_only=True)
class Entry(Loadable):
    """A network of the table."""

    name: str
    input_size: int
    values: int  # the length of its bottlenecks
