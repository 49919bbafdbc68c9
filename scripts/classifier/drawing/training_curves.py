"""Draws how a training went: accuracy and loss on training and validation photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from . import curve_points
from .colours import GRID, INK, PAPER, SOFT_INK, TRAINING, VALIDATION, laid_thinly
from .curve_points import Point
from .lettering import Drawn, Lettering
from .percent import percent

# The columns "step", "accuracy", "cross_entropy", "validation_accuracy" and "validation_cross_entropy" of a training,
# all of one length, with None where something was not measured.
Curve = Mapping[str, Sequence[float | None]]

_COLOURS = {"training": TRAINING, "validation": VALIDATION}
_BAND, _SHADE = 0.16, 0.28  # how strongly an area shows the colour of its line

_WIDTH, _HEIGHT = 690, 470  # of one chart, lettering included
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 168, 52, 62
_TITLE_SIZE, _HEADING_SIZE, _TEXT_SIZE = 24, 20, 16
_MARGIN = 20
_ABOUT_THE_GAP = "shaded: the gap between training and validation photos, which is overfitting"
# Lines are drawn this many times larger and then reduced, which smooths their edges.
_FINER = 3


@dataclass(frozen=True)
class _Line:
    name: str
    points: list[Point]


def draw(curve: Curve, title: str, *, across: str = "training step", shade_gap: bool = False) -> Drawn:
    """Two charts side by side. `across` names their x axis; `shade_gap` shades where validation photos do worse."""
    large, plain, small = Lettering(title, _TITLE_SIZE), Lettering("", _HEADING_SIZE), Lettering("", _TEXT_SIZE)
    lines = large.wrap(title, 2 * _WIDTH - 2 * _MARGIN)
    above, below = _MARGIN + len(lines) * large.height, small.height + _MARGIN if shade_gap else 0
    picture = Image.new("RGB", (2 * _WIDTH, above + _HEIGHT + below), PAPER)
    pen = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        large.write(pen, _MARGIN, _MARGIN // 2 + number * large.height, line, INK)
    charts = (
        ("accuracy", "Accuracy (higher is better)", True),
        ("cross_entropy", "Loss: cross entropy (lower is better)", False),
    )
    for number, (key, heading, shares) in enumerate(charts):
        chart = _Chart(curve, key, shares, across)
        picture.paste(chart.draw(heading, plain, small, shade_gap), (number * _WIDTH, above))
    if shade_gap:
        small.write(pen, _LEFT, above + _HEIGHT, _ABOUT_THE_GAP, _COLOURS["validation"])
    return Drawn(picture, large.missing)


class _Chart:
    def __init__(self, curve: Curve, key: str, shares: bool, across: str):
        steps = [step for step in curve["step"] if step is not None]  # never None, unlike measurements
        named = (("training", curve[key]), ("validation", curve[f"validation_{key}"]))
        lines = [_Line(name, curve_points.thinned(steps, values)) for name, values in named]
        self._lines = [line for line in lines if line.points]
        self._across, self._shares = across, shares
        highest = max((mean for line in self._lines for _, mean, *_ in line.points), default=1.0)
        self._upwards = curve_points.ticks(0, 1.0 if shares else highest)
        self._last = max(max(steps, default=1), 1)

    def draw(self, heading: str, plain: Lettering, small: Lettering, shade_gap: bool) -> Image.Image:
        chart = self._areas_and_lines(shade_gap)
        pen = ImageDraw.Draw(chart)
        plain.write(pen, _LEFT, _MARGIN // 2, heading, INK)
        for tick in self._upwards:
            shown = percent(tick, 0) if self._shares else f"{tick:g}"
            _, y = self._at(0, tick)
            small.write(pen, _LEFT - 10 - small.width(shown), y - small.height / 2, shown, SOFT_INK)
        for tick in curve_points.ticks(0, self._last):
            if tick <= self._last and tick == round(tick):
                x, y = self._at(tick, 0)
                shown = f"{tick:,.0f}"
                small.write(pen, x - small.width(shown) / 2, y + 8, shown, SOFT_INK)
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        small.write(pen, middle - small.width(self._across) / 2, _HEIGHT - _BOTTOM + 32, self._across, SOFT_INK)
        self._name_lines(pen, small)
        return chart

    def _areas_and_lines(self, shade_gap: bool) -> Image.Image:
        canvas = Image.new("RGB", (_WIDTH * _FINER, _HEIGHT * _FINER), PAPER)
        pen = ImageDraw.Draw(canvas)
        for tick in self._upwards:
            pen.line([*self._fine(0, tick), *self._fine(self._last, tick)], GRID, _FINER)
        if shade_gap and len(self._lines) == 2:
            self._shade_gap(pen)
        else:
            for line in self._lines:
                lower = [self._fine(step, low) for step, _, low, _ in line.points]
                upper = [self._fine(step, high) for step, _, _, high in reversed(line.points)]
                if len(line.points) > 1:
                    pen.polygon(lower + upper, laid_thinly(_COLOURS[line.name], _BAND))
        for line in self._lines:
            middle = [self._fine(step, mean) for step, mean, *_ in line.points]
            pen.line(middle, _COLOURS[line.name], 3 * _FINER, joint="curve")
            pen.circle(middle[-1], 5 * _FINER, _COLOURS[line.name])
        return canvas.reduce(_FINER)

    def _shade_gap(self, pen: ImageDraw.ImageDraw) -> None:
        training, validation = (np.array([point[:2] for point in line.points]) for line in self._lines)
        first, last = max(training[0, 0], validation[0, 0]), min(training[-1, 0], validation[-1, 0])
        steps = np.union1d(training[:, 0], validation[:, 0])
        steps = steps[(first <= steps) & (steps <= last)]
        learned, kept = (np.interp(steps, *line.T) for line in (training, validation))
        worse = np.minimum(learned, kept) if self._shares else np.maximum(learned, kept)
        outline = [*zip(steps, learned, strict=True), *zip(steps[::-1], worse[::-1], strict=True)]
        if len(steps) > 1:
            pen.polygon([self._fine(*each) for each in outline], laid_thinly(_COLOURS["validation"], _SHADE))

    def _name_lines(self, pen: ImageDraw.ImageDraw, small: Lettering) -> None:
        """Writes each line's name and last value beside its end, moved apart if they would overlap."""
        ends = sorted((self._at(*line.points[-1][:2]), line.name, line.points[-1][1]) for line in self._lines)
        ends.sort(key=lambda end: end[0][1])
        at = [y for (_, y), *_ in ends]
        if len(at) == 2 and at[1] - at[0] < small.height:
            middle = sum(at) / 2
            at = [middle - small.height / 2, middle + small.height / 2]
        for ((x, _), name, value), y in zip(ends, at, strict=True):
            shown = percent(value) if self._shares else f"{value:.3f}"
            small.write(pen, x + 12, y - small.height / 2, f"{name} {shown}", _COLOURS[name])

    def _at(self, step: float, value: float) -> tuple[float, float]:
        across, up = step / self._last, min(value, self._upwards[-1]) / self._upwards[-1]
        return _LEFT + across * (_WIDTH - _LEFT - _RIGHT), _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM)

    def _fine(self, step: float, value: float) -> tuple[float, float]:
        x, y = self._at(step, value)
        return x * _FINER, y * _FINER
