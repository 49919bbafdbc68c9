"""The datasets that are known by a name, and how each becomes a folder of photos."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..errors import UserError
from ..showing import Show
from . import cifar10, downloads, drawn_flowers, oxford_flowers, photo_archives, tfds_photos


@dataclass(frozen=True)
class Wishes:
    per_kind: int = drawn_flowers.PER_KIND
    seed: int = 0
    patience: float = downloads.Patience.first_byte_seconds


# Called with what is done and in what unit, B where that is bytes.
ShowOf = Callable[[str, str], Show]


@dataclass(frozen=True)
class Dataset:
    fetch: Callable[[Path, Wishes, ShowOf], Sequence[str]]  # gives what to warn of
    heeds: tuple[str, ...] = ()  # which wishes mean something for it
    looks_itself: bool = False  # whether it is to be called where there are photos already


def _from_server(fetch: Callable, destination: Path, wishes: Wishes, show: ShowOf) -> Sequence[str]:
    try:
        fetch(
            destination=destination,
            patience=downloads.Patience(first_byte_seconds=wishes.patience),
            show_download=show(destination.name, "B"),
            show_unpacking=show("unpacking", "B"),
        )
    except downloads.Unavailable as error:
        raise downloads.Unavailable(f"{error}; to go on without: python -m scripts.fetch drawn_flowers") from None
    return ()


def _cifar10(destination: Path, wishes: Wishes, show: ShowOf) -> Sequence[str]:
    fetch = partial(cifar10.fetch, show_writing=show("writing", "pictures"))
    return _from_server(fetch, destination, wishes, show)


def _drawn_flowers(destination: Path, wishes: Wishes, show: ShowOf) -> Sequence[str]:
    drawn_flowers.draw(destination, wishes.per_kind, wishes.seed, show("drawing", "flowers"))
    return ()


def _from_tfds(name: str, destination: Path, wishes: Wishes, show: ShowOf) -> Sequence[str]:
    left_out = tfds_photos.fetch(name, destination, show("writing", "pictures"))
    splits = f"splits left out, as they are neither train, validation nor test: {', '.join(left_out)}"
    return (splits,) if left_out else ()


TFDS = "tfds:"
_NAMED = {
    "flower_photos": Dataset(
        partial(_from_server, partial(photo_archives.fetch, photo_archives.FLOWER_PHOTOS)), ("patience",)
    ),
    "cifar10": Dataset(_cifar10, ("patience",)),
    "drawn_flowers": Dataset(_drawn_flowers, ("per_kind", "seed"), looks_itself=True),
    "oxford_flowers102": Dataset(partial(_from_server, oxford_flowers.fetch), ("patience",)),
}
NAMES = tuple(_NAMED)
KNOWN = f"{', '.join(_NAMED)} and {TFDS}NAME"


def find(name: str) -> Dataset:
    if name in _NAMED:
        return _NAMED[name]
    if name.startswith(TFDS) and name != TFDS:
        return Dataset(partial(_from_tfds, name.removeprefix(TFDS)))
    nearest = difflib.get_close_matches(name, _NAMED, 1, cutoff=0)[0]
    raise UserError(f"nothing is known by the name {name!r}: there are {KNOWN}; did you mean {nearest}?")
