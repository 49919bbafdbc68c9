"""Makes randomly cropped, scaled, mirrored and brightened views of a photo."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..errors import UserError
from . import fitting, pixels


@dataclass(frozen=True)
class Distortions:
    """The four kinds of the original retrain script, three of them as percentages."""

    flip_left_right: bool = False
    random_crop: int = 0
    random_scale: int = 0
    random_brightness: int = 0

    def __post_init__(self):
        for name in ("random_crop", "random_scale", "random_brightness"):
            percentage = getattr(self, name)
            if not 0 <= percentage <= 100:
                raise UserError(f"--{name}={percentage}: expected a percentage from 0 to 100")

    @property
    def any(self) -> bool:
        return self != Distortions()

    def describe(self) -> str:
        """Completes a sentence such as: photos that are mirrored and enlarged by up to 80 %."""
        kinds = {
            "mirrored half of the time": self.flip_left_right,
            f"cropped by {self.random_crop} %": self.random_crop,
            f"enlarged by up to {self.random_scale} %": self.random_scale,
            f"made up to {self.random_brightness} % brighter or darker": self.random_brightness,
        }
        *others, last = [words for words, wanted in kinds.items() if wanted]
        return f"{', '.join(others)} and {last}" if others else last

    @property
    def largest_enlargement(self) -> float:
        return (1 + self.random_crop / 100) * (1 + self.random_scale / 100)


@dataclass(frozen=True)
class View:
    """A way to look at a photo: whole, or distorted at random, differently for each seed and number."""

    distortions: Distortions = Distortions()
    seed: int = 0
    number: int = 0

    @property
    def identity(self) -> str:
        """Different for every view of the same photo; empty for the whole photo."""
        return repr((self.distortions, self.seed, self.number)) if self.distortions.any else ""


WHOLE = View()


def views_of(distortions: Distortions, count: int, seed: int) -> tuple[View, ...]:
    """`count` distorted views, or just the whole photo if nothing is distorted."""
    if not distortions.any:
        return (WHOLE,)
    return tuple(View(distortions, seed, number) for number in range(count))


def look(data: bytes, size: int, wanted: list[View], fit: str = fitting.SQUEEZE) -> list[np.ndarray]:
    """Each wanted view of the picture as [size, size, 3] uint8, decoded only once. It is made to `fit` first."""
    image = pixels.open_rgb(data, round(size * max(view.distortions.largest_enlargement for view in wanted)))
    return [
        _distort(image, size, view, data, fit) if view.distortions.any else fitting.fit(image, size, size, fit)
        for view in wanted
    ]


def _distort(image: Image.Image, size: int, view: View, data: bytes, fit: str) -> np.ndarray:
    kinds = view.distortions
    # The same photo, seed and number always give the same view, whatever else the folder holds.
    seed = hashlib.blake2b(view.identity.encode() + data, digest_size=8).digest()
    random = np.random.default_rng(int.from_bytes(seed, "little"))
    # The original enlarges by margin and scale, then cuts out a square of the network's size. That is the same as
    # cutting 1/(margin x scale) of the width and height out of what is seen of the photo.
    enlarged = (1 + kinds.random_crop / 100) * random.uniform(1, 1 + kinds.random_scale / 100)
    share = 1 / enlarged
    left, upper = random.uniform(0, 1 - share), random.uniform(0, 1 - share)
    square = fitting.fit(image, size, size, fit, (left, upper, left + share, upper + share))
    if kinds.flip_left_right and random.integers(2):
        square = square[:, ::-1]
    if kinds.random_brightness:
        factor = random.uniform(1 - kinds.random_brightness / 100, 1 + kinds.random_brightness / 100)
        square = np.clip(square * np.float32(factor), 0, 255).astype(np.uint8)
    return square
