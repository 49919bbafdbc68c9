"""Draws the report's charts as SVG. The style sheet gives them their colours."""

from __future__ import annotations

import math

import numpy as np

from ...drawing import curve_points
from ...drawing.colours import cell_strength
from ...drawing.text_columns import columns, cut
from ..calibration import Bin
from ..measures import Measures
from .markup import count, percent, text

# A chart in its own units: about one pixel each on a phone.
_WIDTH, _HEIGHT = 330, 215
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 20, 10, 40

# A confusion matrix has counts in its cells up to one number of labels, and names beside it up to another.
_MOST_LABELS_COUNTED, MOST_LABELS_NAMED = 40, 110
# Sizes in pixels. A small matrix leaves room for a list beside it, a large one fills the page.
_SMALL_MATRIX, _LARGE_MATRIX = 460, 960
_SMALLEST_COUNTED_CELL, _LARGEST_CELL, _UNNAMED_CELL = 23, 76, 4
_LARGEST_NAMES, _LONGEST_NAME = 16.0, 18
# The width of letters relative to the font size, in the widest of the fonts that browsers choose.
_NARROW_LETTERS, _NARROW, _ORDINARY, _CAPITAL, _WIDE_LETTERS, _WIDE = " fijlrt.,:;'|!()", 0.4, 0.63, 0.77, "mwMW…", 1.0


def curve(
    steps: list[float], series: list[tuple[str, list[float | None]]], top: float | None, what: str, shares: bool
) -> str:
    """Lines over steps.

    `series` are (CSS class, values), None for a value that was not measured. Without `top`, the axis ends above the
    highest value.
    """
    drawn = [(name, curve_points.thinned(steps, values)) for name, values in series]
    points = [point for _, line in drawn for point in line]
    highest = max((high for *_, high in points), default=1.0)
    ticks = curve_points.ticks(0, highest if top is None else top)
    x_ticks = curve_points.ticks(0, max(steps, default=1))
    last = max(max(steps, default=1), 1)

    def at(step: float, value: float) -> tuple[float, float]:
        return _x(step / last), _y(min(value, ticks[-1]) / ticks[-1])

    parts = [
        _axes(
            [(step / last, f"{step:,.0f}") for step in x_ticks if step <= last],
            [(tick / ticks[-1], percent(tick) if shares else f"{tick:g}") for tick in ticks],
            "step",
        )
    ]
    for name, line in drawn:
        lower = [at(step, low) for step, _, low, _ in line]
        upper = [at(step, high) for step, _, _, high in reversed(line)]
        if line:
            parts.append(f'<polygon class="band {name}" points="{_points(lower + upper)}"/>')
    for name, line in drawn:
        if line:
            parts.append(f'<polyline class="line {name}" points="{_points([at(s, mean) for s, mean, *_ in line])}"/>')
            x, y = at(line[-1][0], line[-1][1])
            parts.append(f'<circle class="dot {name}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>')
    return _svg(_WIDTH, _HEIGHT, what, "".join(parts))


def reliability(bins: list[Bin], what: str) -> str:
    """How often it is right, by how sure it is: bars that should end at their marks, near the diagonal."""
    ticks = [(share / 100, percent(share / 100)) for share in range(0, 101, 20)]
    parts = [_axes(ticks, ticks, "how sure it was", "how often it was right")]
    most = max((each.photos for each in bins), default=0)
    for each in bins:
        if each.accuracy is None or each.mean_score is None:
            continue
        left, right, height, sure = _x(each.low), _x(each.high), _y(each.accuracy), _y(each.mean_score)
        # Bars of few photos, which say little, are faint.
        strength = 0.35 + 0.65 * math.sqrt(each.photos / most)
        note = (
            f"{count(each.photos, 'photo')} at {percent(each.low)} to {percent(each.high)} sure: "
            f"right {percent(each.accuracy)}"
        )
        parts.append(
            f'<rect class="bar" x="{left + 1:.1f}" y="{min(height, _y(0) - 1.5):.1f}" width="{right - left - 2:.1f}" '
            f'height="{max(_y(0) - height, 1.5):.1f}" fill-opacity="{strength:.2f}"><title>{note}</title></rect>'
        )
        parts.append(f'<line class="mark" x1="{left + 1:.1f}" x2="{right - 1:.1f}" y1="{sure:.1f}" y2="{sure:.1f}"/>')
    parts.append(f'<line class="ideal" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>')
    return _svg(_WIDTH, _HEIGHT, what, "".join(parts))


def confusion(measures: Measures, what: str) -> str:
    """Rows are what photos show, columns the answers; the stronger the colour, the larger the share of the row."""
    labels, counts = measures.judged.labels, measures.confusion
    counted, named = len(labels) <= _MOST_LABELS_COUNTED, len(labels) <= MOST_LABELS_NAMED
    names = [cut(label, _LONGEST_NAME) for label in labels]
    longest = max(map(_letters_width, names))
    cell = _cell(len(labels), longest)
    size = min(_LARGEST_NAMES, (0.6 if counted else 0.9) * cell)
    gutter = math.ceil(longest * size) + 10 if named else 0
    side = round(cell * len(labels), 1)
    totals = np.maximum(counts.sum(axis=1), 1)
    parts = [f'<rect class="field" x="{gutter}" y="{gutter}" width="{side}" height="{side}"/>']
    for row, column in zip(*np.nonzero(counts), strict=True):
        share, number = counts[row, column] / totals[row], int(counts[row, column])
        strength, kind = cell_strength(share), "right" if row == column else "wrong"
        x, y = round(gutter + cell * int(column), 1), round(gutter + cell * int(row), 1)
        answer = "right" if row == column else f"taken for {labels[column]}"
        note = f"{labels[row]}, {answer}: {number:,} of {int(totals[row]):,}"
        parts.append(
            f'<rect class="cell {kind}" x="{x}" y="{y}" width="{cell}" height="{cell}" fill-opacity="{strength:.2f}">'
            f"<title>{text(note)}</title></rect>"
        )
        if counted:
            ink = " strong" if strength > 0.82 else " medium" if strength > 0.5 else ""
            fits = min(18.0, 0.5 * cell, 1.5 * cell / len(str(number)))
            middle = f'x="{x + cell / 2}" y="{y + cell / 2}"'
            parts.append(f'<text class="number{ink}" {middle} style="font-size:{fits:.1f}px">{number}</text>')
    # Without counts, every fifth line is enough to follow a row with the eye.
    for line in sorted({*range(0, len(labels), 1 if counted else 5), len(labels)}) if named else (0, len(labels)):
        at = round(gutter + cell * line, 1)
        parts.append(f'<path class="grid" d="M{gutter} {at}h{side}M{at} {gutter}v{side}"/>')
    if named:
        parts.append(f'<g style="font-size:{size:.1f}px">')
        for at, shown in enumerate(names):
            centre = round(gutter + cell * (at + 0.5), 1)
            turned = f'transform="translate({centre} {gutter - 6}) rotate(-90)"'
            parts.append(f'<text class="row" x="{gutter - 6}" y="{centre}">{text(shown)}</text>')
            parts.append(f'<text class="column" {turned}>{text(shown)}</text>')
        parts.append("</g>")
    whole = math.ceil(gutter + side + 1)
    # Large cells may shrink to a narrow page; small ones would become unreadable, so there the page scrolls instead.
    least = round(whole * max(0.6, min(1.0, _SMALLEST_COUNTED_CELL / cell))) if counted else whole if named else 0
    return _svg(whole, whole, what, "".join(parts), kind="matrix", style=f"--whole:{whole}px;--least:{least}px")


def _cell(labels: int, longest: float) -> float:
    """The side of a cell."""
    if labels <= _MOST_LABELS_COUNTED:
        return max(_SMALLEST_COUNTED_CELL, min(_LARGEST_CELL, _SMALL_MATRIX // labels))
    if labels <= MOST_LABELS_NAMED:
        return round((_LARGE_MATRIX - 10) / (labels + longest * 0.9), 2)
    return _UNNAMED_CELL


def _letters_width(words: str) -> float:
    """Relative to the font size."""

    def width(letter: str) -> float:
        if letter in _NARROW_LETTERS:
            return _NARROW
        if letter in _WIDE_LETTERS:
            return _WIDE
        return (_CAPITAL if letter.isupper() else _ORDINARY) * columns(letter)

    return sum(map(width, words))


def _x(share: float) -> float:
    return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 2)


def _y(share: float) -> float:
    return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 2)


def _axes(across: list[tuple[float, str]], upwards: list[tuple[float, str]], below: str, beside: str = "") -> str:
    parts = []
    for share, shown in upwards:
        parts.append(f'<path class="grid" d="M{_x(0)} {_y(share)}H{_x(1)}"/>')
        parts.append(f'<text class="tick y" x="{_LEFT - 6}" y="{_y(share)}">{shown}</text>')
    for share, shown in across:
        parts.append(f'<text class="tick x" x="{_x(share)}" y="{_HEIGHT - _BOTTOM + 15}">{shown}</text>')
    parts.append(f'<text class="axis" x="{(_x(0) + _x(1)) / 2}" y="{_HEIGHT - 5}">{below}</text>')
    if beside:
        parts.append(f'<text class="upwards" transform="translate(9 {_y(0.5)}) rotate(-90)">{beside}</text>')
    return "".join(parts)


def _points(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _svg(width: int, height: int, what: str, content: str, kind: str = "chart", style: str = "") -> str:
    """`what`, in HTML, is read to people who cannot see the picture."""
    said = f' style="{style}"' if style else ""
    return f'<svg class="{kind}" role="img" aria-label="{what}" viewBox="0 0 {width} {height}"{said}>{content}</svg>'
