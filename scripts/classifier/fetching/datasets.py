"""The datasets that have a name here, and how each becomes a folder of photos."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .. import invocation
from ..errors import UserError
from ..showing import Show
from . import cifar10, downloads, drawn_flowers, oxford_flowers, photo_archives, tfds_photos


@dataclass(frozen=True)
class Wishes:
    per_kind: int = drawn_flowers.PER_KIND
    seed: int = 0
    patience: float = downloads.Patience.first_byte_seconds


# Called with the work and its unit, which is B for bytes.
ShowOf = Callable[[str, str], Show]


@dataclass(frozen=True)
class Dataset:
    fetch: Callable[[Path, Wishes, ShowOf], Sequence[str]]  # returns warnings
    begins: str  # what it is about to do, before "into FOLDER"
    heeds: tuple[str, ...] = ()  # the wishes that affect it
    looks_itself: bool = False  # `fetch` is called even if the folder already holds photos
    tidy: Callable[[Path], None] = lambda destination: None  # called if it is not
    trains: str = "retrain"  # the command that suits it


def _from_server(fetch: Callable, destination: Path, wishes: Wishes, show: ShowOf) -> Sequence[str]:
    try:
        fetch(
            destination=destination,
            patience=downloads.Patience(first_byte_seconds=wishes.patience),
            show_download=show(destination.name, "B"),
            show_unpacking=show("unpacking", "B"),
        )
    except downloads.Unavailable as error:
        instead = invocation.command("fetch drawn_flowers")
        raise downloads.Unavailable(f"{error}; to draw flowers instead: {instead}") from None
    return ()


def _cifar10(destination: Path, wishes: Wishes, show: ShowOf) -> Sequence[str]:
    fetch = partial(cifar10.fetch, show_writing=show("writing", "pictures"))
    return _from_server(fetch, destination, wishes, show)


def _drawn_flowers(destination: Path, wishes: Wishes, show: ShowOf) -> Sequence[str]:
    drawn_flowers.draw(destination, wishes.per_kind, wishes.seed, show("drawing", "flowers"))
    return ()


def _from_tfds(name: str, destination: Path, wishes: Wishes, show: ShowOf) -> Sequence[str]:
    left_out = tfds_photos.fetch(name, destination, show("writing", "pictures"))
    splits = f"left out the splits {', '.join(left_out)}: only train, validation and test are used"
    return (splits,) if left_out else ()


def _downloading(name: str, size: int) -> str:
    return f"downloading {name} ({size / 1e6:.0f} MB)"


TFDS = "tfds:"
_NAMED = {
    "flower_photos": Dataset(
        partial(_from_server, partial(photo_archives.fetch, photo_archives.FLOWER_PHOTOS)),
        _downloading("flower_photos", photo_archives.FLOWER_PHOTOS.size),
        ("patience",),
        tidy=partial(photo_archives.tidy, photo_archives.FLOWER_PHOTOS),
    ),
    "cifar10": Dataset(
        _cifar10,
        _downloading("CIFAR-10", cifar10.PUBLISHED.size),
        ("patience",),
        tidy=cifar10.tidy,
        trains="train_cnn",
    ),
    "drawn_flowers": Dataset(
        _drawn_flowers,
        "drawing flowers",
        ("per_kind", "seed"),
        looks_itself=True,
        trains="retrain --architecture=color_texture",
    ),
    "oxford_flowers102": Dataset(
        partial(_from_server, oxford_flowers.fetch),
        _downloading("oxford_flowers102", oxford_flowers.PUBLISHED.photos.size),
        ("patience",),
        tidy=oxford_flowers.tidy,
    ),
}
NAMES = tuple(_NAMED)
KNOWN = f"{', '.join(_NAMED)} or {TFDS}NAME"


def find(name: str) -> Dataset:
    if name in _NAMED:
        return _NAMED[name]
    if name.startswith(TFDS) and name != TFDS:
        return Dataset(partial(_from_tfds, name.removeprefix(TFDS)), f"fetching {name} with TensorFlow Datasets")
    nearest = difflib.get_close_matches(name, _NAMED, 1, cutoff=0)[0]
    raise UserError(f"there is no dataset {name!r}: give {KNOWN}; did you mean {nearest}?")
