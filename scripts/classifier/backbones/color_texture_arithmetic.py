"""From pixels to colours and textures: soft HSV histograms and Gabor energies over a pyramid of regions.

There are three blocks of values, each averaged over the whole picture, its quarters and its sixteenths. Left and right
are merged, so that a picture and its mirror image give the same vector:

    colours   amounts of each hue, saturation and brightness, in overlapping bins     66 x 11 =   726
    strokes   Gabor energies: changes of light and colour in 8 directions, 4 sizes    96 x 11 = 1,056
    patterns  Gabor energies of the strokes' energies, 6 pairs of sizes              576 x  3 = 1,728

The textures are a scattering transform of depth two (Bruna and Mallat, 2013). All operations exist in TensorFlow 1.4,
in TensorFlow Lite and in OpenCV's importer.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

HUES = 10
SATURATIONS = (0.0, 0.4, 0.8)  # bin centres; the first is grey, which has no hue
VALUES = (0.2, 0.5, 0.8)
GREY_VALUES = (0.05, 0.23, 0.41, 0.59, 0.77, 0.95)
# Colours are measured on a picture shrunk by this factor: just as accurate on photos, with a sixteenth of the work.
COLOUR_SHRINK = 4

# From red, green and blue: lightness, red against green, yellow against blue.
OPPONENTS = np.array([[1 / 3, 1 / 3, 1 / 3], [0.5, -0.5, 0.0], [0.25, 0.25, -0.5]])
STROKE_DIRECTIONS, STROKE_SIZES = 8, 4
PATTERN_DIRECTIONS, SMALLEST_MAP = 4, 16
# With an even width and a stride of two, left and right are treated alike. Wavelength and spread are in pixels.
GABOR_WIDTH, WAVELENGTH, SPREAD = 6, 4.0, 1.5

# For each block: how many times the square root is taken, so that faint things count beside strong ones, then the mean
# and the mean deviation of its values over some 3,000 photos of flowers.
COLOURS, STROKES, PATTERNS = (1, 0.06, 0.08), (2, 0.45, 0.075), (2, 0.33, 0.048)
# The mean deviation after scaling, chosen for gradient descent at a learning rate of 0.01.
DEVIATION = 0.25


def bottleneck(pixels: tf.Tensor) -> tf.Tensor:
    """[N, 3510] from [N, S, S, 3] RGB, (pixel - 128) / 128; S is a multiple of 64."""
    with tf.name_scope("colours"):
        colours = _block([_fold(_colours(pixels))], (1, 2, 4), *COLOURS)
    strokes, patterns = _textures(pixels)
    with tf.name_scope("strokes"):
        strokes = _block(strokes, (1, 2, 4), *STROKES)
    with tf.name_scope("patterns"):
        patterns = _block(patterns, (1, 2), *PATTERNS)
    return tf.concat([colours, strokes, patterns], 1, name="bottleneck")


def _colours(pixels: tf.Tensor) -> tf.Tensor:
    """[N, h, w, 66]: how far a pixel belongs to each bin."""
    small = _shrink(pixels, COLOUR_SHRINK, COLOUR_SHRINK)
    red, green, blue = (_mix(small, np.eye(3)[:, [channel]] / 2, 0.5) for channel in range(3))
    most = _maximum(_maximum(red, green), blue)
    least = _maximum(_maximum(red * -1.0, green * -1.0), blue * -1.0) * -1.0
    # The saturation of nearly black pixels is noise: 0.1 keeps it low.
    saturation = _soft_bins((most - least) / (most + 0.1), SATURATIONS)
    value = _soft_bins(most, VALUES)
    # Every combination of hue, saturation (except grey) and value: each is repeated to [N, h, w, 60], then multiplied.
    hues, saturations, values = np.indices((HUES, len(SATURATIONS) - 1, len(VALUES))).reshape(3, -1)
    coloured = (
        _mix(_hues(small), np.eye(HUES)[:, hues])
        * _mix(saturation, np.eye(len(SATURATIONS))[:, saturations + 1])
        * _mix(value, np.eye(len(VALUES))[:, values])
    )
    grey = _mix(saturation, np.eye(len(SATURATIONS))[:, [0] * len(GREY_VALUES)]) * _soft_bins(most, GREY_VALUES)
    return tf.concat([coloured, grey], 3)


def _hues(pixels: tf.Tensor) -> tf.Tensor:
    """[N, h, w, HUES]: how near a colour's direction is to each of the evenly spaced hues, summing to one."""
    plane = _mix(pixels, np.array([[1, 0], [-0.5, math.sqrt(0.75)], [-0.5, -math.sqrt(0.75)]]))
    chroma = tf.sqrt(_mix(tf.square(plane), np.ones((2, 1)), 1e-6))
    # chroma * (cos(angle to the hue) - cos(step)) is positive within one step of the hue.
    step = 2 * np.pi / HUES
    angles = step * np.arange(HUES)
    nearness = np.stack([np.cos(angles), np.sin(angles), np.full(HUES, -math.cos(step))])
    near = tf.nn.relu(_mix(tf.concat([plane, chroma], 3), nearness))
    return near / _mix(near, np.ones((HUES, HUES)), 1e-4)


def _soft_bins(amounts: tf.Tensor, centres: tuple[float, ...]) -> tf.Tensor:
    """[N, h, w, bins] from [N, h, w, 1]: triangles over evenly spaced centres; the end bins take what is outside."""
    width = centres[1] - centres[0]
    above = tf.nn.relu(amounts - centres[0])
    inside = above - tf.nn.relu(above - (centres[-1] - centres[0]))
    bins = np.ones((1, len(centres)))
    # Not `1 - distance`, which OpenCV's importer reads as `distance - 1`.
    distance = tf.abs(_mix(inside, bins / width, -np.arange(len(centres))))
    return tf.nn.relu(distance * -1.0 + 1.0)


def _textures(pixels: tf.Tensor) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """The folded energies of strokes, 3 x 8 for each size, and of patterns, 3 x 8 x 4 for each pair of sizes."""
    stroke_mirror = _mirrored(3, STROKE_DIRECTIONS)
    pattern_mirror = np.kron(stroke_mirror, _mirrored(1, PATTERN_DIRECTIONS))
    stroke_filters = [
        _constant(np.einsum("oc,yxd->yxcod", OPPONENTS, wave).reshape(GABOR_WIDTH, GABOR_WIDTH, 3, -1))
        for wave in _gabors(STROKE_DIRECTIONS)
    ]
    pattern_filters = [
        _constant(np.repeat(wave[:, :, None, :], 3 * STROKE_DIRECTIONS, axis=2)) for wave in _gabors(PATTERN_DIRECTIONS)
    ]
    strokes, patterns = [], []
    for _ in range(STROKE_SIZES):
        energy = _length(*(tf.nn.conv2d(pixels, filters, 2, "SAME") for filters in stroke_filters))
        strokes.append(_fold(energy, stroke_mirror))
        while energy.shape[1] >= SMALLEST_MAP:
            waves = (tf.nn.depthwise_conv2d(energy, filters, [1, 2, 2, 1], "SAME") for filters in pattern_filters)
            patterns.append(_fold(_length(*waves), pattern_mirror))
            energy = _shrink(energy, 2, 2)
        pixels = _shrink(pixels, 2, 2)
    return strokes, patterns


def _gabors(directions: int) -> tuple[np.ndarray, np.ndarray]:
    """Even and odd waves under a bell, [GABOR_WIDTH, GABOR_WIDTH, directions]; a uniform surface gives 0."""
    reach = (GABOR_WIDTH - 1) / 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1][:, :, :, None]
    angle = np.pi * np.arange(directions) / directions
    phase = 2 * np.pi / WAVELENGTH * (x * np.cos(angle) + y * np.sin(angle))
    bell = np.exp(-(x * x + y * y) / (2 * SPREAD**2))
    even, odd = bell * np.cos(phase), bell * np.sin(phase)
    even -= bell * even.sum((0, 1)) / bell.sum()
    return tuple(wave / np.sqrt(np.square(wave).sum((0, 1))) * (2 / GABOR_WIDTH) for wave in (even, odd))


def _mirrored(groups: int, directions: int) -> np.ndarray:
    """The matrix that swaps each direction of each group with its mirror image."""
    one_group = np.eye(directions)[:, [-direction % directions for direction in range(directions)]]
    return np.kron(np.eye(groups), one_group)


def _fold(maps: tf.Tensor, mirror: np.ndarray | None = None) -> tf.Tensor:
    """[N, 4, 2, channels]: means over 4 x 4 cells, the left ones averaged with the mirrored right ones."""
    channels = maps.shape[3]
    cells = _shrink(maps, maps.shape[1] // 4, maps.shape[2] // 4)
    left, rightmost, right = (
        tf.slice(cells, [0, 0, first, 0], [-1, 4, count, channels]) for first, count in ((0, 2), (3, 1), (2, 1))
    )
    right = tf.concat([rightmost, right], 2)
    return (left + (right if mirror is None else _mix(right, mirror))) * 0.5


def _block(folded: list[tf.Tensor], levels: tuple[int, ...], roots: int, mean: float, deviation: float) -> tf.Tensor:
    """[N, values]: all maps at each level of the pyramid, scaled to a common spread."""
    cells = tf.concat(folded, 3) if len(folded) > 1 else folded[0]
    parts = {1: lambda: _shrink(cells, 4, 2), 2: lambda: _shrink(cells, 2, 2), 4: lambda: cells}
    flat = [tf.reshape(part, [-1, math.prod(part.shape[1:])]) for part in (parts[level]() for level in levels)]
    values = tf.concat(flat, 1)
    for _ in range(roots):
        values = tf.sqrt(values)
    return (values - mean) * (DEVIATION / deviation)


def _constant(values: np.ndarray) -> tf.Tensor:
    # Rounded, and never -0: the last digit of a cosine differs between processors and would change the fingerprint.
    return tf.constant((np.round(values, 6) + 0.0).astype(np.float32))


def _mix(maps: tf.Tensor, matrix: np.ndarray, bias: float | np.ndarray = 0.0) -> tf.Tensor:
    """The channels of each pixel times a matrix, [from, to], plus one number or one for each channel."""
    mixed = tf.nn.conv2d(maps, _constant(matrix[None, None]), 1, "VALID")
    return mixed if np.all(bias == 0) else mixed + _constant(np.full(matrix.shape[1], bias))


def _shrink(maps: tf.Tensor, rows: int, columns: int) -> tf.Tensor:
    return tf.nn.avg_pool2d(maps, [rows, columns], [rows, columns], "VALID")


def _maximum(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    # OpenCV's importer has no Maximum.
    return a + tf.nn.relu(b - a)


def _length(even: tf.Tensor, odd: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(tf.square(even) + tf.square(odd))
