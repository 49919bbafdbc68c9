"""Draws a single flower of each of five kinds."""

import cmath
import math
from random import Random

import numpy as np

from .flower_shapes import (
    GOLDEN_ANGLE,
    ORANGE,
    PALETTES,
    YELLOW,
    Hsv,
    Pen,
    Petals,
    Pose,
    disc,
    flat,
    petal,
    polygon,
    rgb,
    ring,
    vary,
)


def _daisy(pen: Pen, random: Random, pose: Pose, colour: Hsv) -> None:
    shape = petal(random.uniform(0.10, 0.17), random.uniform(0.55, 0.72), random.uniform(0.45, 0.7))
    count = random.randint(11, 22)
    if random.random() < 0.5:
        ring(pen, random, pose, colour, Petals(count, shape, 0.15, 1.0, 0.82))
    ring(pen, random, pose, colour, Petals(count, shape, 0.15, random.uniform(0.88, 1.0), 1.0))
    middle = random.choice((YELLOW, YELLOW, ORANGE, (0.11, 0.9, 0.75), (0.06, 0.6, 0.35)))
    disc(pen, random, pose, vary(random, middle), random.uniform(0.20, 0.36), 50)


def _sunflower(pen: Pen, random: Random, pose: Pose, colour: Hsv) -> None:
    shape = petal(random.uniform(0.15, 0.24), random.uniform(0.35, 0.5), random.uniform(0.9, 1.3))
    middle = random.uniform(0.36, 0.56)
    for outer, light in ((1.0, 0.78), (random.uniform(0.88, 0.98), 1.0)):
        ring(pen, random, pose, colour, Petals(random.randint(15, 26), shape, middle * 0.8, outer, light))
    seeds = random.choice(((0.07, 0.65, 0.32), (0.06, 0.70, 0.24), (0.09, 0.75, 0.50), (0.13, 0.80, 0.62)))
    disc(pen, random, pose, vary(random, seeds), middle, random.randint(110, 170))
    if random.random() < 0.5:
        disc(pen, random, pose, vary(random, (0.2, 0.5, 0.45)), middle * random.uniform(0.3, 0.5), 40)


def _dandelion(pen: Pen, random: Random, pose: Pose, colour: Hsv) -> None:
    if random.random() < 0.3:
        return _seed_head(pen, random, pose)
    shape = petal(random.uniform(0.05, 0.08), 0.7, 0.5, points=6)
    layers = random.randint(4, 6)
    for layer in range(layers):
        outer = 1.0 - 0.78 * layer / layers
        count = round(34 * outer) + 8
        ring(
            pen,
            random,
            pose,
            colour,
            Petals(count, shape / (0.4 + 0.6 * outer), 0.0, outer, 0.82 + 0.22 * layer / layers),
        )


def _seed_head(pen: Pen, random: Random, pose: Pose) -> None:
    white, count = (0.12, random.uniform(0.02, 0.10), 0.97), random.randint(90, 150)
    rim = np.exp(2j * np.pi * np.arange(30) / 30)
    for radius in (0.95, 0.75, 0.5):
        polygon(pen, pose.centre + pose.radius * radius * rim, rgb(white, 0.95, 0.13))
    star = np.exp(2j * np.pi * np.arange(7) / 7)
    for number in range(count):
        # Evenly spread over a sphere seen from the front: those near the rim are seen from the side.
        out = math.sqrt(1 - (1 - (number + 0.5) / count) ** 2) * random.uniform(0.93, 1.03)
        tip = pose.centre + pose.radius * out * cmath.exp(1j * (GOLDEN_ANGLE * number + random.uniform(-0.1, 0.1)))
        pen.line((pose.centre.real, pose.centre.imag, tip.real, tip.imag), rgb(white, 0.85, 0.35), 1)
        for end in (tip + pose.radius * 0.12 * star * random.uniform(0.8, 1.2)).tolist():
            pen.line((tip.real, tip.imag, end.real, end.imag), rgb(white, random.uniform(0.85, 1.0), 0.65), 2)
    disc(pen, random, pose, (0.1, 0.45, 0.45), 0.11, 12)


def _rose(pen: Pen, random: Random, pose: Pose, colour: Hsv) -> None:
    """Whorls of broad petals from the outside in, each above its own shadow."""
    around = np.exp(2j * np.pi * np.arange(18) / 18)
    layers, angle = random.randint(5, 7), random.uniform(0, 6)
    for layer in range(layers):
        reach = (1 - layer / layers) ** 0.85
        petals = 3 if layer >= layers - 2 else random.randint(4, 6)
        for _ in range(petals):
            angle += 2 * math.pi / petals + random.uniform(-0.15, 0.15)
            broad = reach * random.uniform(0.50, 0.60)
            blob = around.real * broad * 0.78 + 1j * around.imag * broad * 1.15
            ripple = 1 + 0.05 * np.cos(np.arange(18) * random.choice((1.0, 1.4, 2.1)) + random.uniform(0, 6))
            light = random.uniform(0.86, 1.0) * (1.02 - 0.35 * layer / layers)
            for size, shift, shade in ((1.05, 0.0, 0.62), (1.0, 0.0, 1.12), (0.9, -0.06, 0.95), (0.72, -0.13, 0.8)):
                outline = (blob * ripple * size + reach * (0.45 + shift)) * cmath.exp(1j * angle)
                polygon(pen, pose.place(outline), rgb(colour, light * shade))
        angle += GOLDEN_ANGLE
    turn = np.linspace(0, 4.5 * np.pi, 30)
    swirl = pose.place(0.012 * turn * np.exp(1j * (turn + angle)))
    pen.line(flat(swirl), rgb(colour, 0.5), max(1, round(pose.radius * 0.02)))


def _tulip(pen: Pen, random: Random, pose: Pose, colour: Hsv) -> None:
    """A cup seen from the side, or sometimes an open one seen from above."""
    if random.random() < 0.15:
        shape = petal(random.uniform(0.30, 0.36), 0.58, 0.8)
        for light in (0.82, 1.0):
            ring(pen, random, pose, colour, Petals(3, shape, 0.0, 1.0, light))
        return disc(pen, random, pose, vary(random, random.choice((YELLOW, (0.75, 0.5, 0.2)))), 0.13, 12)
    opening, upright = random.uniform(0.10, 0.30), cmath.exp(1j * (pose.lean - math.pi / 2))
    shape = petal(random.uniform(0.23, 0.30), random.uniform(0.38, 0.50), random.uniform(0.75, 1.0), points=14)
    edge = random.choice((colour, colour, colour, vary(random, random.choice(PALETTES["tulips"]))))
    for side, size, light in (
        (0.45, 0.95, 0.68),
        (-0.45, 0.95, 0.68),
        (0.0, 1.0, 0.74),
        (1.0, 0.96, 0.9),
        (-1.0, 0.96, 0.9),
        (random.uniform(-0.2, 0.2), 0.9, 1.04),
    ):
        light *= random.uniform(0.93, 1.05)
        tilt = cmath.exp(1j * side * opening)
        # Petals grow apart above the base and bow inwards again at the tip.
        bowed = (shape + 0.24j * side * np.sin(np.pi * shape.real**0.8) - 0.5) * tilt
        inner = bowed.mean() + (bowed - bowed.mean()) * 0.86
        for outline, hue, shade in ((bowed, edge, 0.85), (inner, colour, 1.0)):
            polygon(pen, pose.centre + 1.9 * pose.radius * size * upright * outline, rgb(hue, light * shade))
        for streak in np.linspace(-0.10, 0.10, 5):
            line = np.linspace(0.1, 0.85, 6) - 0.5 + 1j * (streak + 0.24 * side) * np.sin(np.linspace(0.3, 2.6, 6))
            placed = pose.centre + 1.9 * pose.radius * size * upright * line * tilt
            pen.line(flat(placed), rgb(colour, light * random.uniform(0.8, 1.15), 0.5), 2)


FLOWERS = {  # the function that draws each kind, and its leaf: width, widest, pointedness, length in flower radii
    "daisy": (_daisy, (0.10, 0.6, 0.8, 0.9)),
    "dandelion": (_dandelion, (0.16, 0.65, 0.6, 1.4)),
    "roses": (_rose, (0.30, 0.45, 0.8, 0.8)),
    "sunflowers": (_sunflower, (0.36, 0.40, 0.9, 1.1)),
    "tulips": (_tulip, (0.12, 0.45, 0.9, 2.6)),
}
