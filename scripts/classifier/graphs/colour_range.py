"""Tells from a graph's first operations which range of pixels it takes, and in which order their colours are."""

from __future__ import annotations

import numpy as np

from ..photos.preprocessing import BGR, RGB
from .picture_preparation import Way

# Input ranges (lowest, highest) of graphs that normalise pixels themselves, with the mean and std that produce them.
_RANGES = {(0.0, 255.0): (0.0, 1.0), (0.0, 1.0): (0.0, 255.0), (-1.0, 1.0): (128.0, 128.0)}
_NORMALISED = ((-1.0, 1.0), (0.0, 1.0))

_INPUTS_OF_EITHER_ORDER = ("Placeholder", "data")

# ImageNet's mean of red, green and blue; networks from Caffe round it to 123, 117 and 104.
_IMAGENET = np.array([123.68, 116.779, 103.939])
_ROUNDED = 1.5
# Means of the colours of photos lie between these, in pixels; and the deviations in pixels of 0 to 1.
_MEANS, _DEVIATIONS = (60.0, 200.0), (0.1, 0.4)


def of(way: Way) -> tuple[float, float] | None:
    """The mean and std that bring pixels to the range that the graph takes; None if its operations do not show it."""
    if way.unchanged or not np.all(way.scale):
        return None
    fitting = [taken for ends, taken in _RANGES.items() if _is_normalised(way, ends)]
    if len(fitting) == 1:
        return fitting[0]
    means = -way.shift / way.scale
    if np.all((_MEANS[0] <= means) & (means <= _MEANS[1])):
        return _RANGES[0.0, 255.0]
    deviations = np.abs(1 / way.scale)
    well_known = _imagenet_order(means * 255) is not None
    usual = np.all((_DEVIATIONS[0] <= deviations) & (deviations <= _DEVIATIONS[1]))
    if (well_known or usual) and np.all((_MEANS[0] <= means * 255) & (means * 255 <= _MEANS[1])):
        return _RANGES[0.0, 1.0]
    return None


def order(way: Way) -> str | None:
    """RGB or BGR; None if it could be either. TensorFlow's own is RGB, unless the colours are treated differently."""
    if way.colours_alike:
        # Colours turned round may have been RGB, for a network of Caffe's, or BGR, as OpenCV reads them.
        return None if way.turned else RGB
    return order_of_means(-way.shift / np.where(way.scale == 0, 1, way.scale), way.turned)


def order_of_means(means: np.ndarray, turned: bool) -> str | None:
    """The order of the colours of which these are the means; `turned` round before, if it says so."""
    found = _imagenet_order(means) or _imagenet_order(means * 255)
    if found is None or not turned:
        return found
    return BGR if found == RGB else RGB


def usual_order(input_name: str) -> str | None:
    """RGB for an input of this name, if nothing else is known; None for names that Caffe and Custom Vision give."""
    return None if input_name.partition(":")[0] in _INPUTS_OF_EITHER_ORDER else RGB


def _imagenet_order(means: np.ndarray) -> str | None:
    """Whose means these are, in pixels; None if they are not ImageNet's."""
    if means.size != _IMAGENET.size:
        return None
    for channels, wanted in ((RGB, _IMAGENET), (BGR, _IMAGENET[::-1])):
        if np.all(np.abs(means - wanted) <= _ROUNDED):
            return channels
    return None


def _is_normalised(way: Way, ends: tuple[float, float]) -> bool:
    became = [way.scale * end + way.shift for end in ends]
    return any(np.allclose(became, np.array([[low], [high]]), atol=0.05) for low, high in _NORMALISED)
