"""The table of pretrained networks: what an --architecture is, where it comes from, how it is loaded."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..fetching import downloads
from ..showing import Show, nowhere
from . import (
    color_texture,
    densenet161,
    earlier_layers,
    inception_2015,
    inception_v3,
    keras_applications,
    mobilenet_v1,
    network_files,
    saved_modules,
    several_views,
)
from .backbone import Backbone
from .choices import Choices
from .sources import Source

__all__ = [
    "BOTTLENECKS",
    "LAST",
    "MULTI",
    "NAMES",
    "Backbone",
    "Choices",
    "Listed",
    "check",
    "check_views",
    "listed",
    "load",
    "remaining_bytes",
    "resolve",
    "seeing_more",
    "source",
]

# Where names differ in capitals alone, those of the 2017 archives come first.
NAMES = (
    inception_v3.NAME,
    inception_2015.NAME,
    *mobilenet_v1.NAMES,
    color_texture.NAME,
    densenet161.NAME,
    *keras_applications.NAMES,
)

_INCEPTIONS = {inception_v3.NAME: inception_v3, inception_2015.NAME: inception_2015}
_ALSO_CALLED = {"inceptionv3": inception_v3.NAME}
_FILES = (".pb", ".keras", ".h5", ".hdf5", ".pth", ".pt")

# What a bottleneck is made of: the network's last values, or those of two earlier layers as well.
LAST, MULTI = BOTTLENECKS = ("last", "multi")


def resolve(name: str) -> str:
    """The network's name as it is in NAMES, or a handle or path as it is; raises if it is none of them."""
    if name in NAMES or saved_modules.is_handle(name) or Path(name).exists():
        return name
    for known in NAMES:
        if known.lower() == name.lower():
            return known
    if name.lower() in _ALSO_CALLED:
        return _ALSO_CALLED[name.lower()]
    if "/" in name or name.endswith(_FILES):
        raise UserError(f"--architecture={name} does not exist: give a network's name, file or folder, or a handle")
    nearest = max(NAMES, key=lambda known: _likeness(name, known))
    raise UserError(
        f"--architecture={name} is not known; did you mean {nearest}? Known are inception_v3, inception_2015, "
        "color_texture, densenet161, mobilenet_WIDTH_SIZE with WIDTH one of "
        f"{', '.join(mobilenet_v1.WIDTHS)} and SIZE one of "
        f"{', '.join(map(str, mobilenet_v1.SIZES))}, each also with _quantized behind it, the networks of "
        "keras.applications, files, folders and handles: python -m scripts.architectures lists the names"
    )


def check_views(count: int) -> None:
    if count not in several_views.COUNTS:
        expected = " or ".join(map(str, several_views.COUNTS))
        raise UserError(f"--views={count}: expected {expected}, how many views of each photo the network looks at")


def _likeness(name: str, known: str) -> tuple[float, float, int]:
    """Of names that are equally like it, one that begins like it is liker: 0.5 is meant for 0.50, not for 0.75."""
    same = next((at for at, (a, b) in enumerate(zip(name, known, strict=False)) if a != b), len(name))
    plain = difflib.SequenceMatcher(None, name.lower(), known.lower()).ratio()
    return plain, difflib.SequenceMatcher(None, name, known).ratio(), same


def source(name: str) -> Source | None:
    """Where the network's file is fetched from; None if it needs none."""
    name = resolve(name)
    if name in _INCEPTIONS:
        return _INCEPTIONS[name].SOURCE
    if name in mobilenet_v1.NAMES:
        return mobilenet_v1.source(name)
    if name == densenet161.NAME:
        return densenet161.SOURCE
    if name in keras_applications.NAMES:
        return keras_applications.source(name)
    return saved_modules.source(name) if saved_modules.is_handle(name) else None


@dataclass(frozen=True)
class Listed:
    """What is known of a network before it is loaded."""

    name: str
    input_size: int
    values: int  # a picture
    megabytes: int | None  # to download; None where that is not known
    here: bool  # whether nothing is left to download


def listed(model_dir: Path) -> list[Listed]:
    """All of NAMES. Whether files fit their checksums is looked at when they are loaded."""
    found = []
    for name in NAMES:
        file = source(name)
        here = file is None or (model_dir / file.file).is_file()
        found.append(Listed(name, *_known(name), 0 if file is None else _megabytes(name, file), here))
    return found


def _known(name: str) -> tuple[int, int]:
    """Input size, and values a picture."""
    if name in keras_applications.NAMES:
        published = keras_applications.PUBLISHED[name]
        return published.size, published.values
    if name in mobilenet_v1.NAMES:
        return mobilenet_v1.size_and_values(name)
    module = next(each for each in (color_texture, densenet161, inception_2015, inception_v3) if name == each.NAME)
    return module.INPUT_SIZE, module.BOTTLENECK_SIZE


def _megabytes(name: str, file: Source) -> int | None:
    if name in keras_applications.NAMES:
        return keras_applications.PUBLISHED[name].megabytes
    if name == densenet161.NAME:
        return densenet161.MEGABYTES
    return None if file.size is None else round(file.size / 1e6)


def remaining_bytes(name: str, model_dir: Path) -> int | None:
    """How much loading would still have to download, None if that is not known."""
    file = source(name)
    if file is None:
        return 0
    return downloads.remaining_bytes(model_dir / file.file, sha256=file.sha256, md5=file.md5, size=file.size)


def load(name: str, model_dir: Path, show: Show = nowhere, choices: Choices | None = None) -> Backbone:
    """The network, fetched into model_dir first where it is not there yet."""
    choices = choices or Choices()
    name = check(name, choices)
    file = source(name)
    if file is None:
        return _load_from_here(name, model_dir, choices)
    try:
        path = downloads.fetch(
            file.url, model_dir / file.file, sha256=file.sha256, md5=file.md5, size=file.size, show=show
        )
    except downloads.Unavailable as error:
        raise UserError(f"{error}; --architecture={color_texture.NAME} needs no download") from None
    if name in _INCEPTIONS:
        return _INCEPTIONS[name].load(path)
    if name in mobilenet_v1.NAMES:
        return mobilenet_v1.load(name, path)
    if name == densenet161.NAME:
        return densenet161.load(path, choices)
    if name in keras_applications.NAMES:
        return keras_applications.load(name, path, choices)
    return saved_modules.load_archive(name, path, choices)


def check(name: str, choices: Choices) -> str:
    """The name as `resolve` gives it; raises for what the user says of networks that know it by themselves."""
    name = resolve(name)
    if name in keras_applications.NAMES or name == densenet161.NAME:
        choices.refuse(name, "bottleneck_layer", "input_size")
    elif name in NAMES:
        choices.refuse(name)
    return name


def _load_from_here(name: str, model_dir: Path, choices: Choices) -> Backbone:
    if name == color_texture.NAME:
        return color_texture.build()
    path = Path(name)
    if path.is_dir():
        return saved_modules.load_folder(path, model_dir, choices)
    return network_files.load(path, model_dir, choices)


def seeing_more(backbone: Backbone, bottleneck: str, views: int) -> Backbone:
    """The same network made to give more of what it sees, and to see each picture in so many views."""
    check_views(views)
    wider = earlier_layers.of(backbone) if bottleneck == MULTI else backbone
    return several_views.of(wider) if views > 1 else wider
