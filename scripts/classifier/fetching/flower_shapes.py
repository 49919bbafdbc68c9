"""Draws a single flower of each of five kinds with Pillow: petals, discs and seed heads."""

import cmath
import colorsys
import math
from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image, ImageDraw

GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))

# Hue, saturation and value that each kind comes in. They overlap, so that colour alone does not tell the kinds apart.
WHITE, CREAM, LEMON, YELLOW = (0.14, 0.04, 0.97), (0.13, 0.20, 0.96), (0.148, 0.60, 0.98), (0.138, 0.85, 0.98)
ORANGE, RED, CRIMSON, PINK = (0.09, 0.85, 0.96), (0.995, 0.85, 0.83), (0.96, 0.85, 0.62), (0.94, 0.42, 0.95)
PEACH, LILAC, PURPLE, RUST = (0.05, 0.45, 0.97), (0.79, 0.32, 0.88), (0.82, 0.60, 0.58), (0.04, 0.85, 0.62)
PALETTES = {
    "daisy": (WHITE, WHITE, WHITE, WHITE, WHITE, WHITE, CREAM, LEMON, PINK, LILAC),
    "dandelion": (YELLOW, YELLOW, YELLOW, YELLOW, LEMON, ORANGE),
    "roses": (RED, CRIMSON, CRIMSON, PINK, PINK, PINK, WHITE, PEACH, PEACH, YELLOW),
    "sunflowers": (YELLOW, YELLOW, YELLOW, ORANGE, ORANGE, RUST, CREAM),
    "tulips": (RED, RED, RED, ORANGE, PURPLE, PURPLE, YELLOW, PINK, WHITE),
}
GREENS = ((0.25, 0.60, 0.50), (0.29, 0.62, 0.42), (0.22, 0.62, 0.58), (0.33, 0.45, 0.45))

Hsv = tuple[float, float, float]


Colour = tuple[int, int, int, int]


class Pen:
    """Draws on a picture; opaque colours are painted over what is there, which is faster than blending with it."""

    def __init__(self, image: Image.Image):
        self._opaque, self._blending = ImageDraw.Draw(image), ImageDraw.Draw(image, "RGBA")

    def polygon(self, points: list[float], colour: Colour) -> None:
        self._for(colour).polygon(points, colour)

    def ellipse(self, box: tuple[float, float, float, float], colour: Colour) -> None:
        self._for(colour).ellipse(box, colour)

    def line(self, points: list[float] | tuple[float, ...], colour: Colour, width: int) -> None:
        self._for(colour).line(points, colour, width)

    def _for(self, colour: Colour) -> ImageDraw.ImageDraw:
        return self._opaque if colour[3] == 255 else self._blending


@dataclass(frozen=True)
class Pose:
    """Where a flower is and how it is turned to the viewer; places points of the unit circle in the picture."""

    centre: complex
    radius: float
    turn: float
    squash: float
    lean: float

    def place(self, points: np.ndarray) -> np.ndarray:
        turned = points * cmath.exp(1j * self.turn)
        return (turned.real + 1j * self.squash * turned.imag) * (self.radius * cmath.exp(1j * self.lean)) + self.centre


def vary(random: Random, colour: Hsv, amount: float = 1.0) -> Hsv:
    hue, saturation, value = colour
    return (
        hue + amount * random.uniform(-0.02, 0.02),
        min(1.0, max(0.0, saturation + amount * random.uniform(-0.10, 0.10))),
        min(1.0, max(0.0, value + amount * random.uniform(-0.10, 0.05))),
    )


def rgb(colour: Hsv, light: float = 1.0, alpha: float = 1.0) -> Colour:
    """The colour with its value multiplied by `light`; what goes over white takes saturation away."""
    hue, saturation, value = colour
    if light < 1 and 0.10 < hue < 0.16:
        hue -= 0.09 * (1 - light)  # yellow petals are orange in the shade, never olive
    value *= light
    if value > 1:
        saturation, value = saturation / value**2, 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255), round(alpha * 255)


def _flat(points: np.ndarray) -> list:
    """Complex points as Pillow takes them: x, y, x, y ..."""
    return points.astype(np.complex128).view(np.float64).tolist()


def polygon(pen: Pen, points: np.ndarray, fill: Colour) -> None:
    pen.polygon(_flat(points), fill)


def petal(width: float, widest: float, tip: float, points: int = 9) -> np.ndarray:
    """An outline from 0 to 1: half as wide as `width`, widest at `widest`; a larger `tip` is more pointed."""
    along = np.linspace(0, 1, points)
    half = width * np.sin(np.pi * along ** (math.log(0.5) / math.log(widest))) ** tip
    return np.concatenate([along + 1j * half, (along - 1j * half)[::-1]])


def _ring(
    pen: Pen,
    random: Random,
    pose: Pose,
    colour: Hsv,
    count: int,
    shape: np.ndarray,
    inner: float,
    outer: float,
    light: float,
) -> None:
    """`count` petals around the centre, each with a shadow, a lighter middle and a vein."""
    start = random.uniform(0, 2 * math.pi)
    order = random.sample(range(count), count)
    angles = np.array([start + 2 * math.pi * (place + random.uniform(-0.22, 0.22)) / count for place in order])
    lengths = np.array([(outer - inner) * random.uniform(0.88, 1.06) for _ in order])[:, None]
    directions = np.exp(1j * angles)[:, None]
    wholes = pose.place((inner + lengths * shape) * directions)
    middles = pose.place((inner + lengths * 0.96 * (shape.real + 0.72j * shape.imag)) * directions)
    veins = pose.place((inner + lengths * np.array([0.0, 0.8])) * directions)
    for whole, middle, vein in zip(*(_flat(points) for points in (wholes, middles, veins)), strict=True):
        shade = light * random.uniform(0.88, 1.06)
        pen.polygon(whole, rgb(colour, shade * 0.78))
        pen.polygon(middle, rgb(colour, shade))
        pen.line(vein, rgb(colour, shade * 0.8, 0.6), 1)


def _disc(pen: Pen, random: Random, pose: Pose, colour: Hsv, radius: float, seeds: int) -> None:
    """A round middle with florets in the spiral in which they grow."""
    polygon(pen, pose.place(radius * np.exp(2j * np.pi * np.arange(28) / 28)), rgb(colour, 0.7))
    number = np.arange(1, seeds)
    places = pose.place(radius * 0.95 * np.sqrt(number / seeds) * np.exp(1j * GOLDEN_ANGLE * number))
    dot = max(1.5, 0.75 * radius * pose.radius / math.sqrt(seeds))
    for index, at in enumerate(places.tolist()):
        light = random.uniform(0.75, 1.2) * (0.75 + 0.45 * index / seeds)
        pen.ellipse((at.real - dot, at.imag - dot, at.real + dot, at.imag + dot), rgb(colour, light))


def _daisy(pen: Pen, random: Random, pose: Pose, colour: Hsv) -> None:
    shape = petal(random.uniform(0.10, 0.17), random.uniform(0.55, 0.72), random.uniform(0.45, 0.7))
    count = random.randint(11, 22)
    if random.random() < 0.5:
        _ring(pen, random, pose, colour, count, shape, 0.15, 1.0, 0.82)
    _ring(pen, random, pose, colour, count, shape, 0.15, random.uniform(0.88, 1.0), 1.0)
    middle = random.choice((YELLOW, YELLOW, ORANGE, (0.11, 0.9, 0.75), (0.06, 0.6, 0.35)))
    _disc(pen, random, pose, vary(random, middle), random.uniform(0.20, 0.36), 50)


def _sunflower(pen: Pen, random: Random, pose: Pose, colour: Hsv) -> None:
    shape = petal(random.uniform(0.15, 0.24), random.uniform(0.35, 0.5), random.uniform(0.9, 1.3))
    middle = random.uniform(0.36, 0.56)
    for outer, light in ((1.0, 0.78), (random.uniform(0.88, 0.98), 1.0)):
        _ring(pen, random, pose, colour, random.randint(15, 26), shape, middle * 0.8, outer, light)
    seeds = random.choice(((0.07, 0.65, 0.32), (0.06, 0.70, 0.24), (0.09, 0.75, 0.50), (0.13, 0.80, 0.62)))
    _disc(pen, random, pose, vary(random, seeds), middle, random.randint(110, 170))
    if random.random() < 0.5:
        _disc(pen, random, pose, vary(random, (0.2, 0.5, 0.45)), middle * random.uniform(0.3, 0.5), 40)


def _dandelion(pen: Pen, random: Random, pose: Pose, colour: Hsv) -> None:
    if random.random() < 0.3:
        return _seed_head(pen, random, pose)
    shape = petal(random.uniform(0.05, 0.08), 0.7, 0.5, points=6)
    layers = random.randint(4, 6)
    for layer in range(layers):
        outer = 1.0 - 0.78 * layer / layers
        count = round(34 * outer) + 8
        _ring(pen, random, pose, colour, count, shape / (0.4 + 0.6 * outer), 0.0, outer, 0.82 + 0.22 * layer / layers)


def _seed_head(pen: Pen, random: Random, pose: Pose) -> None:
    white, count = (0.12, random.uniform(0.02, 0.10), 0.97), random.randint(90, 150)
    rim = np.exp(2j * np.pi * np.arange(30) / 30)
    for radius in (0.95, 0.75, 0.5):
        polygon(pen, pose.centre + pose.radius * radius * rim, rgb(white, 0.95, 0.13))
    star = np.exp(2j * np.pi * np.arange(7) / 7)
    for number in range(count):
        # Even over a sphere seen from the front: those near the rim are seen from the side.
        out = math.sqrt(1 - (1 - (number + 0.5) / count) ** 2) * random.uniform(0.93, 1.03)
        tip = pose.centre + pose.radius * out * cmath.exp(1j * (GOLDEN_ANGLE * number + random.uniform(-0.1, 0.1)))
        pen.line((pose.centre.real, pose.centre.imag, tip.real, tip.imag), rgb(white, 0.85, 0.35), 1)
        for end in (tip + pose.radius * 0.12 * star * random.uniform(0.8, 1.2)).tolist():
            pen.line((tip.real, tip.imag, end.real, end.imag), rgb(white, random.uniform(0.85, 1.0), 0.65), 2)
    _disc(pen, random, pose, (0.1, 0.45, 0.45), 0.11, 12)


def _rose(pen: Pen, random: Random, pose: Pose, colour: Hsv) -> None:
    """Whorls of broad petals from the outside in, each lying over the shadow that it throws."""
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
    pen.line(_flat(swirl), rgb(colour, 0.5), max(1, round(pose.radius * 0.02)))


def _tulip(pen: Pen, random: Random, pose: Pose, colour: Hsv) -> None:
    """A cup seen from the side, at times an open one seen from above."""
    if random.random() < 0.15:
        shape = petal(random.uniform(0.30, 0.36), 0.58, 0.8)
        for light in (0.82, 1.0):
            _ring(pen, random, pose, colour, 3, shape, 0.0, 1.0, light)
        return _disc(pen, random, pose, vary(random, random.choice((YELLOW, (0.75, 0.5, 0.2)))), 0.13, 12)
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
            pen.line(_flat(placed), rgb(colour, light * random.uniform(0.8, 1.15), 0.5), 2)


FLOWERS = {  # how each kind is drawn, and its leaf: width, widest, pointedness, length beside the flower's radius
    "daisy": (_daisy, (0.10, 0.6, 0.8, 0.9)),
    "dandelion": (_dandelion, (0.16, 0.65, 0.6, 1.4)),
    "roses": (_rose, (0.30, 0.45, 0.8, 0.8)),
    "sunflowers": (_sunflower, (0.36, 0.40, 0.9, 1.1)),
    "tulips": (_tulip, (0.12, 0.45, 0.9, 2.6)),
}
