"""Turns Oxford's photos of 102 flowers into train/, valid/ and test/ folders of labels, split as published."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..showing import Show, nowhere
from . import archives, downloads, matlab_file, photo_archives
from .oxford_flower_names import NAMES
from .photo_archives import PhotoArchive

# Written beside the folders, for --category_names: label -> name.
NAMES_FILE = "cat_to_name.json"

_FOLDER = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102"
_SETS = {"train": "trnid", "valid": "valid", "test": "tstid"}  # folder -> the name of its numbers


@dataclass(frozen=True)
class MatlabFile:
    url: str
    sha256: str


@dataclass(frozen=True)
class Sources:
    photos: PhotoArchive
    labels: MatlabFile  # one for each photo, in the order of their numbers
    sets: MatlabFile  # the numbers of the photos of each set


PUBLISHED = Sources(
    PhotoArchive(
        url=f"{_FOLDER}/102flowers.tgz",
        size=344_862_509,
        sha256="2d01ecc807db462958cfe3d92f57a8c252b4abd240eb955770201e45f783b246",
        top="jpg",
    ),
    MatlabFile(f"{_FOLDER}/imagelabels.mat", "4903e94206bac23bf772aadf06451916df56b58fc483a62db32a97b82656651d"),
    MatlabFile(f"{_FOLDER}/setid.mat", "46b8678f91fd95d3c8f4feab80d271a6c834a1dd896fe29fd3e6ad9ce5c8dccd"),
)


def fetch(
    destination: Path,
    sources: Sources = PUBLISHED,
    *,
    patience: downloads.Patience | None = None,
    show_download: Show = nowhere,
    show_unpacking: Show = nowhere,
) -> Path:
    archives.check_free(destination)
    labels, sets = _matlab_files_of(sources, destination)
    for file, source in ((labels, sources.labels), (sets, sources.sets)):
        downloads.fetch(source.url, file, sha256=source.sha256, patience=patience)
    places = _places(labels, sets)
    return photo_archives.fetch(
        sources.photos,
        destination,
        patience=patience,
        show_download=show_download,
        show_unpacking=show_unpacking,
        arrange=partial(_arrange, places=places),
        used=[labels, sets],
    )


def tidy(destination: Path, sources: Sources = PUBLISHED) -> None:
    """Deletes what `fetch` left if it was killed once all photos were there."""
    photo_archives.tidy(sources.photos, destination, _matlab_files_of(sources, destination))


def _matlab_files_of(sources: Sources, destination: Path) -> list[Path]:
    files = (sources.labels, sources.sets)
    return [destination.with_name(f"{destination.name}.{Path(file.url).name}") for file in files]


def _places(labels_file: Path, sets_file: Path) -> dict[str, str]:
    """A photo's name -> its set and label, such as train/77."""
    labels = _numbers(labels_file, "labels")
    places = {}
    for folder, name in _SETS.items():
        for number in _numbers(sets_file, name):
            if not 1 <= number <= len(labels) or not 1 <= labels[number - 1] <= len(NAMES):
                raise UserError(f"{sets_file} and {labels_file} do not belong together: photo {number} has no label")
            places[f"image_{number:05d}.jpg"] = f"{folder}/{labels[number - 1]}"
    return places


def _numbers(file: Path, name: str) -> np.ndarray:
    arrays = matlab_file.read(file)
    if name not in arrays:
        raise UserError(
            f"{file} holds {', '.join(arrays) or 'no numbers'}, expected {name}: delete it to fetch it again"
        )
    return arrays[name].astype(np.int64).ravel()


def _arrange(folder: Path, places: dict[str, str]) -> None:
    """Moves the photos of an unpacked archive to their places, and writes NAMES_FILE."""
    for name, place in places.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        try:
            os.rename(folder / name, folder / place / name)
        except FileNotFoundError:
            raise UserError(
                f"the archive of photos holds no {name}, which the sets name: delete the archive to fetch it again"
            ) from None
    used = sorted({int(place.rpartition("/")[2]) for place in places.values()})
    named = {str(label): NAMES[label - 1] for label in used}
    (folder / NAMES_FILE).write_text(json.dumps(named, indent=1) + "\n", "utf-8")
