"""Recognises photos that belong to no label, by two signs in their bottlenecks.

Near ones show another thing of the same kind, such as another flower. They are made of what the training photos are
made of, but the discriminants favour no label as clearly as they do for a photo of that label. If photos of other
things were learned from (`none`), they have discriminants of their own, and the sign is that those win.

Far ones are another kind of picture, and the discriminants say little about them. Much of their bottleneck lies
outside the principal directions of the training photos' bottlenecks.

The validation photos set a limit for each sign. See learning_unknown.py.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..errors import UserError
from ..fetching import unpacked_sizes
from . import unknown_by_centres

NAME = "unknown"

_ROWS_AT_ONCE = 1024
_LARGEST_STEP = 127  # in signed 8 bits


class Tells(Protocol):
    """Tells unknown photos from known ones."""

    def distances(self, bottlenecks: np.ndarray) -> np.ndarray:
        """[n] from [n, values]; a photo beyond 1 is unknown."""
        ...


@dataclass(frozen=True)
class Limits:
    """Where each sign says unknown, [2]: near, far."""

    beyond: np.ndarray  # the highest value of a known photo
    unit: np.ndarray  # how far below that the median of the validation photos is


@dataclass(frozen=True)
class Unknown:
    mean: np.ndarray  # [values], of training photos
    deviation: np.ndarray  # [values]
    discriminants: np.ndarray  # [groups, values], of standardised bottlenecks; a label has several, side by side
    offsets: np.ndarray  # [groups]
    starts: np.ndarray  # [ways, labels]: the first group of each, for several ways to group a label's photos
    directions: np.ndarray  # [directions, values]: the principal ones of bottlenecks, of length 1
    none: bool  # the last label is that of photos of other things
    limits: Limits

    def distances(self, bottlenecks: np.ndarray) -> np.ndarray:
        """[n] from [n, values]; a photo beyond 1 is unknown, and half of the validation photos are below 0.37."""
        beyond = (self.signs(bottlenecks) - self.limits.beyond[:, None]) / self.limits.unit[:, None]
        # Never negative, and as steep on both sides of the limit.
        return np.where(beyond > 0, 1 + beyond, np.exp(np.minimum(beyond, 0))).max(axis=0)

    def signs(self, bottlenecks: np.ndarray) -> np.ndarray:
        """[2, n]: the higher, the more it is a near, or a far, unknown thing."""
        parts = [bottlenecks[at : at + _ROWS_AT_ONCE] for at in range(0, len(bottlenecks), _ROWS_AT_ONCE)]
        return np.concatenate([np.empty((2, 0), np.float32), *map(self._signs, parts)], axis=1)

    def _signs(self, bottlenecks: np.ndarray) -> np.ndarray:
        standardised = (bottlenecks - self.mean) / self.deviation
        groups = standardised @ self.discriminants.T + self.offsets
        highest = np.maximum.reduceat(groups, self.starts.reshape(-1), axis=1)
        values = highest.reshape(-1, *self.starts.shape).mean(axis=1)
        near = values[:, -1] - values[:, :-1].max(axis=1) if self.none else values.mean(axis=1) - values.max(axis=1)
        whole = np.maximum((bottlenecks**2).sum(axis=1), 1e-12)
        inside = ((bottlenecks @ self.directions.T) ** 2).sum(axis=1)
        return np.stack([near, np.sqrt(np.maximum(1 - inside / whole, 0))])

    def limited(self, limits: Limits) -> Unknown:
        return replace(self, limits=limits)

    def to_bytes(self) -> bytes:
        """The large arrays in 8 bits, each row with its own scale: they go into files for phones, where size matters.

        The limits are set after rounding.
        """
        discriminants, discriminants_steps = _rounded(self.discriminants)
        directions, directions_steps = _rounded(self.directions)
        file = io.BytesIO()
        np.savez_compressed(
            file,
            mean=self.mean.astype("<f4"),
            deviation=self.deviation.astype("<f4"),
            offsets=self.offsets.astype("<f4"),
            starts=self.starts.astype("<u2"),
            none=np.array(self.none),
            beyond=self.limits.beyond.astype("<f8"),
            unit=self.limits.unit.astype("<f8"),
            discriminants=discriminants,
            discriminants_steps=discriminants_steps,
            directions=directions,
            directions_steps=directions_steps,
        )
        return file.getvalue()


def _rounded(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    steps = np.maximum(np.abs(rows).max(axis=1, keepdims=True) / _LARGEST_STEP, 1e-12).astype("<f4")
    return np.rint(rows / steps).astype(np.int8), steps


def _restored(name: str, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    rows, steps = arrays[name], arrays[f"{name}_steps"]
    if rows.ndim != 2 or steps.shape != (len(rows), 1):
        raise ValueError("not a step for each row")  # the product of other shapes may fill the memory
    return rows * steps


def from_bytes(data: bytes, origin: object) -> Tells:
    try:
        unpacked_sizes.check_zip_file(io.BytesIO(data))
        with np.load(io.BytesIO(data)) as arrays:
            if "centres" in arrays:
                return unknown_by_centres.of(arrays)
            read = Unknown(
                arrays["mean"],
                arrays["deviation"],
                _restored("discriminants", arrays),
                arrays["offsets"],
                arrays["starts"],
                _restored("directions", arrays),
                arrays["none"].item() is True,
                Limits(arrays["beyond"], arrays["unit"]),
            )
        _check(read)
    except Exception:  # numpy and zipfile raise almost anything on damaged files
        raise UserError(f"cannot read {origin}, which recognises unknown photos: train or export again") from None
    return read


def _check(read: Unknown) -> None:
    """Raises ValueError if the arrays do not belong together."""
    (groups, values), starts = read.discriminants.shape, read.starts
    arrays = (read.mean, read.deviation, read.offsets, read.directions, read.limits.beyond, read.limits.unit)
    shapes = [each.shape for each in arrays]
    right = [(values,), (values,), (groups,), (len(read.directions), values), (2,), (2,)]
    if shapes != right or any(each.dtype.kind != "f" for each in arrays):
        raise ValueError(shapes)
    if starts.dtype.kind != "u" or starts.ndim != 2 or starts.shape[1] < 1 + read.none or starts[0, 0]:
        raise ValueError("not a start for each label")
    if (np.diff(starts.reshape(-1).astype(np.int64), append=groups) < 1).any():
        raise ValueError("not a range of discriminants for each label")
