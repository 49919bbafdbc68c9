"""Draws the report's pictures as SVG, in colours that the page's style gives them."""

from __future__ import annotations

import math

import numpy as np

from ...drawing import curve_points
from ...drawing.text_columns import columns, cut
from ..calibration import Bin
from ..measures import Measures
from .markup import count, percent, text

# A chart in its own units, which on a phone are about pixels.
_WIDTH, _HEIGHT = 330, 215
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 20, 10, 40

# Up to so many labels, a confusion matrix has names and counts; beyond, it is a pattern.
MOST_LABELS_WRITTEN = 40
_LONGEST_NAME = 18
_LETTER = 7.0  # an ordinary letter's width at the size that names are written in


def curve(
    steps: list[float], series: list[tuple[str, list[float | None]]], top: float | None, what: str, shares: bool
) -> str:
    """Lines over steps. `series` are (CSS class, values), None where there is none; `top`, the axis' end, is found
    where not given."""
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
    """How often it is right for how sure it is: bars that should reach the diagonal."""
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
    """Rows are what photos are, columns what they were taken for; the stronger, the larger a share of the row."""
    labels, counts = measures.judged.labels, measures.confusion
    written = len(labels) <= MOST_LABELS_WRITTEN
    cell = 7 if not written else 40 if len(labels) <= 12 else 27 if len(labels) <= 25 else 21
    names = [cut(label, _LONGEST_NAME) for label in labels]
    gutter = math.ceil(max(columns(each) for each in names) * _LETTER) + 10 if written else 0
    side = cell * len(labels)
    totals = np.maximum(counts.sum(axis=1), 1)
    parts = [f'<rect class="field" x="{gutter}" y="{gutter}" width="{side}" height="{side}"/>']
    for row, column in zip(*np.nonzero(counts), strict=True):
        share, number = counts[row, column] / totals[row], int(counts[row, column])
        # The square root, so that rare mistakes can be seen.
        strength, kind = math.sqrt(share), "right" if row == column else "wrong"
        x, y = gutter + cell * int(column), gutter + cell * int(row)
        note = f"{labels[row]}, taken for {labels[column]}: {number:,} of {int(totals[row]):,}"
        parts.append(
            f'<rect class="cell {kind}" x="{x}" y="{y}" width="{cell}" height="{cell}" fill-opacity="{strength:.2f}">'
            f"<title>{text(note)}</title></rect>"
        )
        if written:
            ink = " strong" if strength > 0.82 else " medium" if strength > 0.5 else ""
            size = min(13.0, 0.5 * cell, 1.5 * cell / len(str(number)))
            middle = f'x="{x + cell / 2}" y="{y + cell / 2}"'
            parts.append(f'<text class="number{ink}" {middle} style="font-size:{size:.1f}px">{number}</text>')
    for line in range(len(labels) + 1) if written else (0, len(labels)):
        at = gutter + cell * line
        parts.append(f'<path class="grid" d="M{gutter} {at}h{side}M{at} {gutter}v{side}"/>')
    for at, shown in enumerate(names if written else ()):
        centre = gutter + cell * (at + 0.5)
        turned = f'transform="translate({centre} {gutter - 6}) rotate(-90)"'
        parts.append(f'<text class="row" x="{gutter - 6}" y="{centre}">{text(shown)}</text>')
        parts.append(f'<text class="column" {turned}>{text(shown)}</text>')
    whole = gutter + side + 1
    return _svg(whole, whole, what, "".join(parts), fixed=written, kind="matrix")


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


def _svg(width: int, height: int, what: str, content: str, fixed: bool = False, kind: str = "chart") -> str:
    """`what`, in HTML, is said to those who cannot see it. A fixed picture keeps its size, others fill their place."""
    size = f' width="{width}" height="{height}"' if fixed else ""
    return f'<svg class="{kind}" role="img" aria-label="{what}" viewBox="0 0 {width} {height}"{size}>{content}</svg>'
