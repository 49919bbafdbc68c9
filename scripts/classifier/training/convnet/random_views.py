"""A layer that randomly mirrors, shifts, turns and zooms pictures in training, and does nothing otherwise."""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from .recipes import Views


class RandomViews(keras.layers.Layer):
    """Takes and gives [n, side, side, 3] pixels. Pixels beyond the edges are filled with a mirror image.

    A single transform does everything: a chain of Keras' own layers takes twice the time and blurs at each step.
    """

    def __init__(self, views: Views, seed: int, name: str = "random_views"):
        super().__init__(name=name, dtype="float32")
        self.views = views
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, pictures: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return pictures
        side = pictures.shape[1]
        # Shifts alone are by whole pixels: interpolation would blur small pictures.
        whole = not (self.views.rotation or self.views.zoom)
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=pictures,
            transforms=self._transforms(tf.shape(pictures)[0], side, whole),
            output_shape=[side, side],
            fill_value=0.0,
            interpolation="NEAREST" if whole else "BILINEAR",
            fill_mode="REFLECT",
        )

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def _transforms(self, count: tf.Tensor, side: int, whole: bool) -> tf.Tensor:
        """For each picture (a, b, c, d, e, f, 0, 0): the pixel at x, y comes from ax + by + c, dx + ey + f."""
        views = self.views
        angle = 2 * math.pi * self._between(count, -views.rotation, views.rotation)
        scale = 1 + self._between(count, -views.zoom, views.zoom)
        mirrored = tf.where(self._between(count, 0, 1) < 0.5, -1.0, 1.0) if views.flip else tf.ones([count])
        across, down = (side * self._between(count, -views.shift, views.shift) for _ in range(2))
        if whole:
            across, down = tf.round(across), tf.round(down)
        a, b = scale * tf.cos(angle) * mirrored, -scale * tf.sin(angle)
        d, e = scale * tf.sin(angle) * mirrored, scale * tf.cos(angle)
        middle = (side - 1) / 2
        c, f = middle - (a + b) * middle + across, middle - (d + e) * middle + down
        return tf.stack([a, b, c, d, e, f, tf.zeros([count]), tf.zeros([count])], axis=1)

    def _between(self, count: tf.Tensor, low: float, high: float) -> tf.Tensor:
        if low == high:
            return tf.fill([count], float(low))
        return keras.random.uniform((count,), low, high, seed=self.seed_generator)
