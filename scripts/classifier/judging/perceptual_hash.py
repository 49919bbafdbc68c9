"""Perceptual hashes: 64 bits that differ little between copies of one picture."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image

from .. import lookahead, machine
from ..photos import folders, pixels
from ..photos.folders import Place
from ..photos.pixels import UnreadableImage
from ..showing import Advance

BITS = 64

# The picture is reduced to this many grey pixels a side, and decoded at twice that or more.
_SIDE = 32
_DECODED_SIDE = 2 * _SIDE

# Photos being hashed, or finished and waiting for their turn.
_AHEAD = 65

# A picture whose grey values (0 to 255) have a smaller standard deviation is a plain surface: its bits are noise.
_PLAIN = 2.0

# The bits are the signs of the cosine transform's lowest frequencies without the mean brightness, as (vertical,
# horizontal) in the order of their sum.
_FREQUENCIES = sorted(((i, j) for i in range(11) for j in range(11) if i + j), key=lambda at: (sum(at), at))[:BITS]
_VERTICAL, _HORIZONTAL = np.array(_FREQUENCIES).T
_WAVES = np.cos(np.pi * np.outer(np.arange(11), 2 * np.arange(_SIDE) + 1) / (2 * _SIDE))


@dataclass(frozen=True)
class Hashes:
    """The hash of each photo, and whether it can be used."""

    bits: np.ndarray  # [photos] uint64
    usable: np.ndarray  # [photos] bool; False: the photo cannot be read or is a plain surface


def of_photos(image_dir: Place, paths: Sequence[str], advance: Advance = lambda done: None) -> Hashes:
    """Hashes image_dir/path for all paths, on all cores. Photos that cannot be read were reported earlier."""

    def work(path: str) -> int | None:
        try:
            return of_bytes(folders.contents(image_dir / path))
        except (UnreadableImage, OSError):
            return None

    found: list[int | None] = []
    with ThreadPoolExecutor(machine.cores()) as pool:
        for value in lookahead.results(pool, work, paths, _AHEAD):
            found.append(value)
            advance(1)
    return Hashes(
        np.array([value or 0 for value in found], np.uint64), np.array([value is not None for value in found], bool)
    )


def of_bytes(data: bytes) -> int | None:
    """The hash of an encoded picture; None for a plain surface."""
    image = pixels.open_rgb(data, _DECODED_SIDE).convert("L")
    grey = np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.BOX), np.float64)
    if grey.std() < _PLAIN:
        return None
    transformed = _WAVES @ grey @ _WAVES.T
    return int.from_bytes(np.packbits(transformed[_VERTICAL, _HORIZONTAL] > 0).tobytes(), "big")


# Mirroring a picture flips the sign of its horizontally odd frequencies.
_MIRRORED_BITS = np.uint64(int.from_bytes(np.packbits(_HORIZONTAL % 2 == 1).tobytes(), "big"))


def mirrored(bits: np.ndarray) -> np.ndarray:
    """The hashes of the mirrored pictures."""
    return bits ^ _MIRRORED_BITS


def distances(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """[some, others] uint8: the number of differing bits, about 32 for unrelated pictures."""
    return np.bitwise_count(some[:, None] ^ others[None, :])
