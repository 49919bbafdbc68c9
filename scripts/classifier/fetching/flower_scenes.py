"""Composes a picture of drawn flowers: background, stems and leaves, flowers, then light and lens."""

import cmath
import math
from random import Random

import numpy as np
from PIL import Image, ImageFilter

from .flower_kinds import FLOWERS
from .flower_shapes import GREENS, PALETTES, Hsv, Pen, Pose, petal, polygon, rgb, vary

# Drawn at twice the size and averaged down: Pillow's polygons have hard edges.
OVERSIZE = 2

PLACES = {
    "daisy": ("meadow", "bokeh"),
    "dandelion": ("meadow", "foliage"),
    "roses": ("foliage", "wall"),
    "sunflowers": ("sky", "meadow"),
    "tulips": ("soil", "bokeh"),
}


def picture(kind: str, seed: int, number: int) -> Image.Image:
    """A drawn picture of about 320 x 240 to 400 x 300, wide or tall."""
    random = Random(f"{seed}/{kind}/{number}")
    long, ratio = random.randint(320, 400), random.choice((1.33, 1.33, 1.5, 1.2))
    size = (long, round(long / ratio)) if random.random() < 0.75 else (round(long / ratio), long)
    width, height = size[0] * OVERSIZE, size[1] * OVERSIZE
    image = _background(random, width, height, kind)
    pen = Pen(image)
    poses = _arrange(random, width, height, kind)
    colours = [vary(random, random.choice(PALETTES[kind]))] * len(poses)
    if random.random() < 0.4:
        colours = [vary(random, random.choice(PALETTES[kind])) for _ in poses]
    flower, leaf = FLOWERS[kind]
    for pose, colour in zip(poses, colours, strict=True):
        _stem(pen, random, pose, height, leaf)
        flower(pen, random, pose, colour)
    if random.random() < 0.25:
        _blades(pen, random, width, height, random.randint(1, 5), 0.9)
    return _develop(random, image.reduce(OVERSIZE))


def _arrange(random: Random, width: int, height: int, kind: str) -> list[Pose]:
    """One flower in most pictures, up to five in others; the nearest and largest is drawn last."""
    short = min(width, height)
    count = random.choices((1, 2, 3, 4, 5), (60, 17, 12, 7, 4))[0]
    share = random.uniform(0.32, 0.56) if count == 1 else random.uniform(0.32, 0.48) / math.sqrt(count - 0.5)
    # A tulip's cup is about as wide as high; the others reach their radius on all sides.
    largest = short * share * (0.85 if kind == "tulips" else 1.0)
    centres: list[complex] = []
    for _ in range(60):
        margin = largest * random.uniform(0.6, 1.1)
        at = complex(_between(random, margin, width), _between(random, margin, height))
        if all(abs(at - other) > largest * 1.5 for other in centres):
            centres.append(at)
        if len(centres) == count:
            break
    radii = sorted(largest * random.uniform(0.65, 1.0) for _ in centres[1:])
    return [
        Pose(centre, radius, random.uniform(0, 2 * math.pi), random.uniform(0.55, 1.0) ** 0.7, random.gauss(0, 0.25))
        for centre, radius in zip(centres, [*radii, largest], strict=True)
    ]


def _between(random: Random, margin: float, size: int) -> float:
    return random.triangular(min(margin, size / 2), max(size - margin, size / 2))


def _background(random: Random, width: int, height: int, kind: str) -> Image.Image:
    """Painted small and blurred, as a lens shows things behind the flower; some with sharp blades in front."""
    small_width, small_height = width // 8, height // 8
    # Each kind has two places where it grows more often than elsewhere, as in life.
    style = random.choice((*PLACES[kind], *PLACES[kind], "meadow", "sky", "soil", "bokeh", "foliage", "wall"))
    green = vary(random, random.choice(GREENS))
    above, below = {
        "meadow": (green, vary(random, green, 2)),
        "sky": ((0.58, random.uniform(0.1, 0.6), random.uniform(0.75, 0.98)), (0.56, 0.15, 0.97)),
        "soil": ((0.08, 0.45, random.uniform(0.25, 0.5)), (0.07, 0.40, random.uniform(0.2, 0.4))),
        "bokeh": ((green[0], 0.5, 0.16), (green[0], 0.6, 0.26)),
        "foliage": ((green[0], 0.5, 0.30), (green[0], 0.6, 0.20)),
        "wall": ((random.random(), random.uniform(0, 0.25), random.uniform(0.3, 0.9)), (0.1, 0.1, 0.6)),
    }[style]
    ramp = np.linspace(0, 1, small_height)[:, None, None] ** random.uniform(0.6, 2)
    colours = np.array(rgb(above)[:3]) * (1 - ramp) + np.array(rgb(below)[:3]) * ramp
    image = Image.fromarray(np.broadcast_to(colours, (small_height, small_width, 3)).astype(np.uint8))
    pen = Pen(image)

    def spots(count: int, colour: Hsv, largest: float, top: float = 0.0, alpha: float = 0.5) -> None:
        for _ in range(count):
            x, y = random.uniform(0, small_width), random.uniform(top, 1) * small_height
            a, b = (random.uniform(0.3, 1) * largest * small_width for _ in "ab")
            pen.ellipse((x - a, y - b, x + a, y + b), rgb(vary(random, colour, 2), random.uniform(0.7, 1.2), alpha))

    if style == "sky":
        spots(random.randint(0, 9), (0.58, 0.03, 0.97), 0.16)
        spots(40, green, 0.12, top=random.uniform(0.75, 1.1), alpha=0.8)
    elif style == "soil":
        spots(90, above, 0.03, alpha=0.7)
        spots(random.randint(0, 14), green, 0.07)
    elif style == "bokeh":
        spots(random.randint(12, 30), (0.2, 0.35, 0.85), 0.07, alpha=0.4)
    elif style == "wall":
        spots(12, above, 0.3, alpha=0.15)
    else:
        spots(50, below, 0.11)
    # Flowers far behind in any kind's colour, so that a patch of colour proves nothing.
    if random.random() < 0.5:
        spots(random.randint(2, 12), random.choice(random.choice(list(PALETTES.values()))), 0.06, alpha=0.8)
    image = image.filter(ImageFilter.GaussianBlur(random.uniform(0.7, 3.0)))
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    if style in ("meadow", "sky", "foliage") and random.random() < 0.6:
        _blades(Pen(image), random, width, height, random.randint(15, 60), random.uniform(0.3, 0.8))
    return image


def _blades(pen: Pen, random: Random, width: int, height: int, count: int, reach: float) -> None:
    shape = petal(0.5, 0.3, 1.0)
    for _ in range(count):
        foot = complex(random.uniform(-0.1, 1.1) * width, height * 1.02)
        length = random.uniform(0.3, 1) * reach * height
        blade = shape.real + 1j * shape.imag * random.uniform(0.02, 0.05) + 1j * random.gauss(0, 0.15) * shape.real**2
        colour = vary(random, random.choice(GREENS), 2)
        polygon(
            pen,
            foot + length * blade * cmath.exp(1j * (random.gauss(0, 0.25) - math.pi / 2)),
            rgb(colour, random.uniform(0.6, 1.2)),
        )


def _stem(pen: Pen, random: Random, pose: Pose, height: int, leaf: tuple) -> None:
    """A bent stem from the flower to below the picture, with leaves along it."""
    green = vary(random, random.choice(GREENS))
    foot = complex(pose.centre.real + random.gauss(0, 0.12) * height, height * 1.05)
    bend = (pose.centre + foot) / 2 + random.gauss(0, 0.06) * height
    along = np.linspace(0, 1, 12)
    middle = pose.centre * (1 - along) ** 2 + 2 * bend * along * (1 - along) + foot * along**2
    thick = pose.radius * random.uniform(0.035, 0.075)
    for half, light in ((thick, 0.7), (thick * 0.55, 1.05)):
        polygon(pen, np.concatenate([middle - half, middle[::-1] + half]), rgb(green, light))
    width, widest, tip, size = leaf
    outline = petal(width, widest, tip, points=12)
    for _ in range(random.randint(0, 4)):
        at = middle[random.randint(2, 11)]
        side = random.choice((-1, 1))
        length = pose.radius * size * random.uniform(0.7, 1.2)
        angle = cmath.exp(1j * (-math.pi / 2 + side * random.uniform(0.25, 1.2)))
        curled = outline + 1j * side * random.uniform(-0.05, 0.25) * outline.real**2
        light = random.uniform(0.7, 1.1)
        polygon(pen, at + length * curled * angle, rgb(green, light * 0.8))
        polygon(
            pen, at + length * np.concatenate([curled[:12], curled[:12].real[::-1] + 0j]) * angle, rgb(green, light)
        )


def _develop(random: Random, image: Image.Image) -> Image.Image:
    """Adds light from one side with its colour and strength, a little blur, and sensor noise."""
    if random.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.3)))
    width, height = image.size
    angle, strength = random.uniform(0, 2 * math.pi), random.uniform(0, 0.35)
    across = np.linspace(-1, 1, width, dtype=np.float32)[None, :] * math.cos(angle)
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * math.sin(angle)
    light = np.float32(random.uniform(0.68, 1.15)) * (1 + np.float32(strength) * (across + down))
    warmth = random.gauss(0, 0.07)
    tint = np.array([1 + warmth, 1 + random.gauss(0, 0.02), 1 - warmth], np.float32)
    noise = np.random.Generator(np.random.PCG64(random.getrandbits(64))).standard_normal((height, width), np.float32)
    noise *= np.float32(random.uniform(0.5, 7))
    # One channel at a time: several times faster than NumPy's loops over a last axis of three.
    channels = (np.asarray(channel) * (light * gain) + noise for channel, gain in zip(image.split(), tint, strict=True))
    return Image.merge("RGB", [Image.fromarray(channel.clip(0, 255).astype(np.uint8)) for channel in channels])
