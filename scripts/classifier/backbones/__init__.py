"""The table of pretrained networks: what an --architecture is, where it comes from, how it is loaded."""

from __future__ import annotations

import difflib
from pathlib import Path

from scripts.classifier import downloads
from scripts.classifier.backbones import (
    color_texture,
    earlier_layers,
    inception_2015,
    inception_v3,
    mobilenet_v1,
    several_views,
)  # fmt: skip
from scripts.classifier.backbones.backbone import Backbone
from scripts.classifier.backbones.sources import Source
from scripts.classifier.errors import UserError

NAMES = (inception_v3.NAME, inception_2015.NAME, *mobilenet_v1.NAMES, color_texture.NAME)

_INCEPTIONS = {inception_v3.NAME: inception_v3, inception_2015.NAME: inception_2015}

# What a bottleneck is made of: the network's last values, or those of two earlier layers as well.
LAST, MULTI = BOTTLENECKS = ("last", "multi")


def check_name(name: str) -> None:
    if name not in NAMES:
        nearest = max(NAMES, key=lambda known: _likeness(name, known))
        raise UserError(
            f"--architecture={name} is not known; did you mean {nearest}? Known are inception_v3, inception_2015, "
            "color_texture, and mobilenet_WIDTH_SIZE with WIDTH one of "
            f"{', '.join(mobilenet_v1.WIDTHS)} and SIZE one of "
            f"{', '.join(map(str, mobilenet_v1.SIZES))}, each also with _quantized behind it"
        )


def check_views(count: int) -> None:
    if count not in several_views.COUNTS:
        expected = " or ".join(map(str, several_views.COUNTS))
        raise UserError(f"--views={count}: expected {expected}, how many views of each photo the network looks at")


def _likeness(name: str, known: str) -> tuple[float, int]:
    """Of names that are equally like it, one that begins like it is liker: 0.5 is meant for 0.50, not for 0.75."""
    same = next((at for at, (a, b) in enumerate(zip(name, known, strict=False)) if a != b), len(name))
    return difflib.SequenceMatcher(None, name, known).ratio(), same


def source(name: str) -> Source | None:
    """Where the network's file is fetched from; None if it needs none."""
    check_name(name)
    if name == color_texture.NAME:
        return None
    inception = _INCEPTIONS.get(name)
    return mobilenet_v1.source(name) if inception is None else inception.SOURCE


def remaining_bytes(name: str, model_dir: Path) -> int | None:
    """How much loading would still have to download, None if that is not known."""
    file = source(name)
    if file is None:
        return 0
    return downloads.remaining_bytes(model_dir / file.file, sha256=file.sha256, md5=file.md5, size=file.size)


def load(name: str, model_dir: Path, show: downloads.Show | None = None) -> Backbone:
    """The network, fetched into model_dir first where it is not there yet."""
    file = source(name)
    if file is None:
        return color_texture.build()
    try:
        path = downloads.fetch(
            file.url, model_dir / file.file, sha256=file.sha256, md5=file.md5, size=file.size, show=show
        )  # fmt: skip
    except downloads.Unavailable as error:
        raise UserError(f"{error}; --architecture={color_texture.NAME} needs no download") from None
    inception = _INCEPTIONS.get(name)
    return mobilenet_v1.load(name, path) if inception is None else inception.load(path)


def seeing_more(backbone: Backbone, bottleneck: str, views: int) -> Backbone:
    """The same network made to give more of what it sees, and to see each picture in so many views."""
    check_views(views)
    wider = earlier_layers.of(backbone) if bottleneck == MULTI else backbone
    return several_views.of(wider) if views > 1 else wider
