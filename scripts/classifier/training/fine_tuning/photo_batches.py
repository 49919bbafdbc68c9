"""Gives random batches of distorted photos, which all cores decode while others are trained on."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ... import machine
from ...errors import UserError
from ...photos import distortions, pixels
from ...photos.distortions import WHOLE, Distortions, View
from ..examples import BalancedBatches, EvenBatches

_BATCHES_AHEAD = 2


def batches(
    image_dir: Path,
    paths: list[str],
    labels: np.ndarray,
    draw: BalancedBatches | EvenBatches,
    distorted: Distortions,
    size: int,
    batch_size: int,
    seed: int,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Without end: pixels, [batch_size, size, size, 3] uint8, and labels. No view is ever seen twice."""
    number = itertools.count()
    with ThreadPoolExecutor(machine.cores()) as threads:
        ahead: deque[tuple[list[Future], np.ndarray]] = deque()
        try:
            while True:
                while len(ahead) <= _BATCHES_AHEAD:
                    rows = draw.draw(batch_size)
                    views = [View(distorted, seed, next(number)) for _ in rows]
                    looks = [
                        threads.submit(_look, image_dir, paths[row], size, view)
                        for row, view in zip(rows, views, strict=True)
                    ]
                    ahead.append((looks, labels[rows]))
                looks, wanted = ahead.popleft()
                yield np.stack([each.result() for each in looks]), wanted
        finally:
            threads.shutdown(cancel_futures=True)


def whole(image_dir: Path, paths: list[str], size: int) -> np.ndarray:
    """All of these photos as they are, [photos, size, size, 3] uint8."""
    with ThreadPoolExecutor(machine.cores()) as threads:
        squares = threads.map(lambda path: _look(image_dir, path, size, WHOLE), paths)
        return np.stack([*squares]) if paths else np.empty((0, size, size, 3), np.uint8)


def _look(image_dir: Path, path: str, size: int, view: View) -> np.ndarray:
    try:
        return distortions.look((image_dir / path).read_bytes(), size, [view])[0]
    except (OSError, pixels.UnreadableImage) as error:
        raise UserError(f"{image_dir / path} could be read before and now cannot ({error}): start again") from None
