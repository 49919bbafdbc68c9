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
from .entry import Loadable

# Where names differ in capitals alone, those of the 2017 archives come first.
_FAMILIES = (
    inception_v3.FAMILY,
    inception_2015.FAMILY,
    mobilenet_v1.FAMILY,
    color_texture.FAMILY,
    densenet161.FAMILY,
    keras_applications.FAMILY,
)
_ENTRIES = {entry.name: entry for family in _FAMILIES for entry in family.entries}
NAMES = tuple(_ENTRIES)

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
    single_ones_first = sorted(_FAMILIES, key=lambda family: len(family.entries) > 1)
    raise UserError(
        f"--architecture={name} is not known; did you mean {nearest}? Known are "
        f"{', '.join(family.in_words for family in single_ones_first)}, files, folders and handles: "
        "python -m scripts.architectures lists the names"
    )


def _likeness(name: str, known: str) -> tuple[float, float, int]:
    """A sort key: equally similar names are ranked by common beginning, so that 0.5 means 0.50 and not 0.75."""
    same = next((at for at, (a, b) in enumerate(zip(name, known, strict=False)) if a != b), len(name))
    plain = difflib.SequenceMatcher(None, name.lower(), known.lower()).ratio()
    return plain, difflib.SequenceMatcher(None, name, known).ratio(), same


@dataclass(frozen=True)
class Listed:
    """A network as the list shows it, before it is loaded."""

    name: str
    input_size: int
    values: int  # a picture
    megabytes: int | None  # to download; None where that is not known
    here: bool  # whether nothing is left to download


def listed(model_dir: Path) -> list[Listed]:
    """All of NAMES. Whether files fit their checksums is looked at when they are loaded."""
    found = []
    for entry in _ENTRIES.values():
        source = entry.source
        here = source is None or source.within(model_dir).is_file()
        megabytes = 0 if source is None else source.megabytes
        found.append(Listed(entry.name, entry.input_size, entry.values, megabytes, here))
    return found


def check(name: str, choices: Choices) -> str:
    """The name as `resolve` gives it; raises for what the user says of networks that know it by themselves."""
    name = resolve(name)
    choices.refuse(name, *_loadable(name).heeds)
    return name


def remaining_bytes(name: str, model_dir: Path) -> int | None:
    """Bytes left to download before it can be loaded; None if that is not known."""
    source = _loadable(resolve(name)).source
    if source is None:
        return 0
    return downloads.remaining_bytes(source.within(model_dir), sha256=source.sha256, md5=source.md5, size=source.size)


def load(name: str, model_dir: Path, show: Show = nowhere, choices: Choices | None = None) -> Backbone:
    """The network, fetched into model_dir first where it is not there yet."""
    choices = choices or Choices()
    network = _loadable(check(name, choices))
    source = network.source
    if source is not None:
        try:
            downloads.fetch(
                source.url,
                source.within(model_dir),
                sha256=source.sha256,
                md5=source.md5,
                size=source.size,
                show=show,
            )
        except downloads.Unavailable as error:
            raise UserError(f"{error}; --architecture={color_texture.NAME} needs no download") from None
    return network.load(model_dir, choices)


def _loadable(name: str) -> Loadable:
    """The network behind a name that `resolve` returned."""
    if name in _ENTRIES:
        return _ENTRIES[name]
    if saved_modules.is_handle(name):
        return saved_modules.at_handle(name)
    path = Path(name)
    return saved_modules.in_folder(path) if path.is_dir() else network_files.in_file(path)


def check_views(count: int) -> None:
    if count not in several_views.COUNTS:
        expected = " or ".join(map(str, several_views.COUNTS))
        raise UserError(f"--views={count}: expected {expected}, how many views of each photo the network looks at")


def seeing_more(backbone: Backbone, bottleneck: str, views: int) -> Backbone:
    """The network with a wider bottleneck if `bottleneck` is MULTI, looking at each picture in `views` views."""
    check_views(views)
    wider = earlier_layers.of(backbone) if bottleneck == MULTI else backbone
    return several_views.of(wider) if views > 1 else wider
