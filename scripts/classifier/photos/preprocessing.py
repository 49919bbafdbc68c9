"""Prepares pictures for a classifier."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..errors import UserError
from . import fitting, pixels


@dataclass(frozen=True)
class Overrides:
    """The user's settings in place of a classifier's own; None: not set."""

    input_height: int | None = None
    input_width: int | None = None
    input_mean: float | None = None
    input_std: float | None = None
    input_layer: str | None = None
    output_layer: str | None = None
    fit: str | None = None  # one of fitting.FITS


@dataclass(frozen=True)
class Preprocessing:
    """Makes pictures fit input_height x input_width, then computes (pixel - input_mean) / input_std.

    The layers are names of nodes; they are None for formats that have one input and output.
    """

    input_height: int
    input_width: int
    input_mean: float
    input_std: float
    input_layer: str | None = None
    output_layer: str | None = None
    fit: str = fitting.SQUEEZE

    @property
    def layers(self) -> tuple[str, str]:
        """A graph's nodes for pictures and for scores."""
        assert self.input_layer is not None and self.output_layer is not None
        return self.input_layer, self.output_layer

    def apply(self, data: bytes, admit: pixels.Admit = pixels.check_size) -> np.ndarray:
        """[input_height, input_width, 3] float32; raises pixels.UnreadableImage."""
        square = pixels.decode(data, self.input_height, self.input_width, admit, self.fit)
        return pixels.normalise(square, self.input_mean, self.input_std)


def settle(path: Path, found: dict, said: Overrides, needs_layers: bool) -> Preprocessing:
    """The user's values, else those found for the classifier at `path`. A missing value is an error."""
    given = {name: value for name, value in asdict(said).items() if value is not None}
    if given.get("input_std") == 0:
        raise UserError("--input_std=0: pixels are divided by it, so it cannot be 0")
    layers = ("input_layer", "output_layer")
    if not needs_layers and (useless := [name for name in layers if name in given]):
        raise UserError(f"--{useless[0]} is for graphs (.pb) only: leave it out for {path}")
    known = {**{name: value for name, value in found.items() if value is not None}, **given}
    wanted = ("input_height", "input_width", "input_mean", "input_std", *(layers if needs_layers else ()))
    if missing := [f"--{name}" for name in wanted if name not in known]:
        raise UserError(f"{path} does not say how to prepare pictures for it: give {', '.join(missing)}")
    return Preprocessing(**{name: known[name] for name in Preprocessing.__dataclass_fields__ if name in known})
