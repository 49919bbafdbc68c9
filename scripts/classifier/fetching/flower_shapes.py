"""The parts of drawn flowers: colours, a pen, and petals and discs in perspective."""

import cmath
import colorsys
import math
from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image, ImageDraw

GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))

# The colours of each kind as hue, saturation and value. They overlap, so that colour alone does not give a kind away.
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
    """Draws on a picture. Opaque colours are not blended, which is faster."""

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
    """A flower's place and how it faces the viewer; maps points of the unit circle into the picture."""

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
    """The colour with its value multiplied by `light`; any excess over white reduces the saturation."""
    hue, saturation, value = colour
    if light < 1 and 0.10 < hue < 0.16:
        hue -= 0.09 * (1 - light)  # yellow petals are orange in the shade, never olive
    value *= light
    if value > 1:
        saturation, value = saturation / value**2, 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255), round(alpha * 255)


def flat(points: np.ndarray) -> list:
    """Complex points in Pillow's form: x, y, x, y ..."""
    return points.astype(np.complex128).view(np.float64).tolist()


def polygon(pen: Pen, points: np.ndarray, fill: Colour) -> None:
    pen.polygon(flat(points), fill)


def petal(width: float, widest: float, tip: float, points: int = 9) -> np.ndarray:
    """An outline from 0 to 1, up to `width` to each side, widest at `widest`; a larger `tip` is more pointed."""
    along = np.linspace(0, 1, points)
    half = width * np.sin(np.pi * along ** (math.log(0.5) / math.log(widest))) ** tip
    return np.concatenate([along + 1j * half, (along - 1j * half)[::-1]])


@dataclass(frozen=True)
class Petals:
    """The petals of one ring: their outline from 0 to 1 is placed between the radii `inner` and `outer`."""

    count: int
    shape: np.ndarray
    inner: float
    outer: float
    light: float


def ring(pen: Pen, random: Random, pose: Pose, colour: Hsv, petals: Petals) -> None:
    """Petals around the centre, each with a shadow, a lighter middle and a vein."""
    count, shape, inner = petals.count, petals.shape, petals.inner
    start = random.uniform(0, 2 * math.pi)
    order = random.sample(range(count), count)
    angles = np.array([start + 2 * math.pi * (place + random.uniform(-0.22, 0.22)) / count for place in order])
    lengths = np.array([(petals.outer - inner) * random.uniform(0.88, 1.06) for _ in order])[:, None]
    directions = np.exp(1j * angles)[:, None]
    wholes = pose.place((inner + lengths * shape) * directions)
    middles = pose.place((inner + lengths * 0.96 * (shape.real + 0.72j * shape.imag)) * directions)
    veins = pose.place((inner + lengths * np.array([0.0, 0.8])) * directions)
    for whole, middle, vein in zip(*(flat(points) for points in (wholes, middles, veins)), strict=True):
        shade = petals.light * random.uniform(0.88, 1.06)
        pen.polygon(whole, rgb(colour, shade * 0.78))
        pen.polygon(middle, rgb(colour, shade))
        pen.line(vein, rgb(colour, shade * 0.8, 0.6), 1)


def disc(pen: Pen, random: Random, pose: Pose, colour: Hsv, radius: float, seeds: int) -> None:
    """A round middle with florets in a spiral, as they grow."""
    polygon(pen, pose.place(radius * np.exp(2j * np.pi * np.arange(28) / 28)), rgb(colour, 0.7))
    number = np.arange(1, seeds)
    places = pose.place(radius * 0.95 * np.sqrt(number / seeds) * np.exp(1j * GOLDEN_ANGLE * number))
    dot = max(1.5, 0.75 * radius * pose.radius / math.sqrt(seeds))
    for index, at in enumerate(places.tolist()):
        light = random.uniform(0.75, 1.2) * (0.75 + 0.45 * index / seeds)
        pen.ellipse((at.real - dot, at.imag - dot, at.real + dot, at.imag + dot), rgb(colour, light))
