"""Prepares pictures for a classifier."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..errors import UserError
from . import fitting, pixels

# The order of a pixel's colours. Pictures are decoded to RGB; networks from Caffe and Custom Vision take BGR.
RGB, BGR = CHANNELS = ("rgb", "bgr")

# What makers commonly use, for lines that ask.
_SCALES = (
    "(pixel - mean) / std is often -1 to 1 (127.5 and 127.5; Teachable Machine, most Keras networks), "
    "0 to 1 (0 and 255; TensorFlow Hub) or 0 to 255 (0 and 1; Custom Vision, with --channels=bgr)"
)
_ORDERS = "--channels=rgb is usual, bgr in networks from Caffe and Custom Vision"


@dataclass(frozen=True)
class Overrides:
    """The user's settings in place of a classifier's own; None: not set."""

    input_height: int | None = None
    input_width: int | None = None
    input_mean: float | None = None
    input_std: float | None = None
    input_layer: str | None = None
    output_layer: str | None = None
    channels: str | None = None  # one of CHANNELS
    fit: str | None = None  # one of fitting.FITS


@dataclass(frozen=True)
class Preprocessing:
    """Makes pictures fit input_height x input_width, and (pixel - input_mean) / input_std in the order `channels`.

    The layers are names of nodes; they are None for formats that have one input and output.
    """

    input_height: int
    input_width: int
    input_mean: float
    input_std: float
    input_layer: str | None = None
    output_layer: str | None = None
    channels: str = RGB
    fit: str = fitting.SQUEEZE

    @property
    def layers(self) -> tuple[str, str]:
        """A graph's nodes for pictures and for scores."""
        assert self.input_layer is not None and self.output_layer is not None
        return self.input_layer, self.output_layer

    def apply(self, data: bytes, admit: pixels.Admit = pixels.check_size) -> np.ndarray:
        """[input_height, input_width, 3] float32; raises pixels.UnreadableImage."""
        return self.normalise(pixels.decode(data, self.input_height, self.input_width, admit, self.fit))

    def normalise(self, square: np.ndarray) -> np.ndarray:
        """RGB pixels of 0 to 255, of the right size, as the classifier takes them."""
        ordered = square if self.channels == RGB else np.ascontiguousarray(square[..., ::-1])
        return pixels.normalise(ordered, self.input_mean, self.input_std)


def settle(path: Path, found: dict, said: Overrides, needs_layers: bool) -> Preprocessing:
    """The user's values, else those found for the classifier at `path`. A missing value is an error.

    Without "channels" in `found`, they are RGB; None there says that they could be either.
    """
    given = {name: value for name, value in asdict(said).items() if value is not None}
    if given.get("input_std") == 0:
        raise UserError("--input_std=0: pixels are divided by it, so it cannot be 0")
    layers = ("input_layer", "output_layer")
    if not needs_layers and (useless := [name for name in layers if name in given]):
        raise UserError(f"--{useless[0]} is for graphs (.pb) only: leave it out for {path}")
    known = {name: value for name, value in {"channels": RGB, **found, **given}.items() if value is not None}
    wanted = ("input_height", "input_width", "input_mean", "input_std", *(layers if needs_layers else ()), "channels")
    if missing := [name for name in wanted if name not in known]:
        raise asking(path, missing)
    height, width = known["input_height"], known["input_width"]
    if min(height, width) < 1 or height * width > pixels.MAX_PIXELS:
        raise UserError(
            f"{path} takes pictures of {height} x {width} pixels: expected at most "
            f"{pixels.MAX_PIXELS // 1_000_000} megapixels; it is damaged, or --input_height or --input_width is wrong"
        )
    return Preprocessing(**{name: known[name] for name in Preprocessing.__dataclass_fields__ if name in known})


def asking(origin: object, missing: list[str]) -> UserError:
    """Asks for flags about a file, and names likely values."""
    hints = [_SCALES] if not {"input_mean", "input_std"}.isdisjoint(missing) else []
    hints += [_ORDERS] if "channels" in missing else []
    flags = ", ".join(f"--{name}" for name in missing)
    return UserError(f"{origin} does not say how to prepare pictures for it: {'; '.join([f'give {flags}', *hints])}")
