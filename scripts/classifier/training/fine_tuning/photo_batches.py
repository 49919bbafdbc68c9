"""Random batches of distorted photos, decoded on all cores during training on earlier ones."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ... import lookahead, machine
from ...backbones.backbone import Backbone
from ...errors import UserError
from ...photos import distortions, pixels
from ...photos.distortions import WHOLE, Distortions, View
from ...photos.folders import Place
from ...photos.image_lists import Photo
from ..examples import BalancedBatches, EvenBatches

# Batches decoded at once, including the next one.
_BATCHES_AHEAD = 3


def batches(
    image_dir: Place,
    photos: list[Photo],
    draw: BalancedBatches | EvenBatches,
    distorted: Distortions,
    backbone: Backbone,
    batch_size: int,
    seed: int,
) -> Generator[tuple[np.ndarray, np.ndarray], None, None]:
    """Endless batches: pixels for the backbone, [batch_size, side, side, 3] uint8, and labels. No view comes twice."""
    number = itertools.count()

    def drawn() -> Iterator[tuple[Photo, View]]:
        while True:
            for row in draw.draw(batch_size):
                yield photos[row], View(distorted, seed, next(number))

    def look(wanted: tuple[Photo, View]) -> tuple[np.ndarray, int]:
        photo, view = wanted
        return _look(image_dir, photo.path, backbone, view), photo.label

    with (
        ThreadPoolExecutor(machine.cores()) as threads,
        # Closed before the threads, so that they do not decode photos that nobody takes.
        contextlib.closing(lookahead.results(threads, look, drawn(), _BATCHES_AHEAD * batch_size)) as looks,
    ):
        while True:
            squares, labels = zip(*itertools.islice(looks, batch_size), strict=True)
            yield np.stack(squares), np.array(labels, np.int32)


def whole(image_dir: Place, paths: list[str], backbone: Backbone) -> np.ndarray:
    """These photos, undistorted, [photos, side, side, 3] uint8."""
    with ThreadPoolExecutor(machine.cores()) as threads:
        squares = threads.map(lambda path: _look(image_dir, path, backbone, WHOLE), paths)
        side = backbone.input_size
        return np.stack([*squares]) if paths else np.empty((0, side, side, 3), np.uint8)


def _look(image_dir: Place, path: str, backbone: Backbone, view: View) -> np.ndarray:
    try:
        data = (image_dir / path).read_bytes()
        return distortions.look(data, backbone.input_size, [view], backbone.fit)[0]
    except (OSError, pixels.UnreadableImage) as error:
        raise UserError(f"{image_dir / path} cannot be read any more ({error}): start again") from None
