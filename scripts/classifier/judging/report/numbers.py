"""The report's sections of numbers: the figures, those of each label, and whether its scores can be trusted."""

from __future__ import annotations

import math

import numpy as np

from ..measures import LabelMeasures, Measures
from . import charts
from .markup import FEW_PHOTOS, Section, count, decimals, name, or_dash, percent, scrolling

_MOST_LABELS_OPEN = 15  # a longer table shows the hardest labels and folds the rest away


def figures(measures: Measures) -> Section:
    overall = measures.overall
    if overall is None:
        return Section("figures", "The figures", "<p>Nothing was measured.</p>")
    exact, label_count = decimals(measures.total), len(measures.judged.labels)
    low, high = overall.interval_95
    error, chance = overall.calibration.error, overall.calibration.error_by_chance
    little = ", so this gap means little" if error <= 1.5 * chance else ""
    shown = [
        (
            "Accuracy",
            percent(overall.accuracy, exact),
            f"How often its first answer is right. Measured on {count(measures.total, 'photo')}: on many more, most "
            f"likely {percent(low, exact)} to {percent(high, exact)}.",
        ),
        (
            "Mean F1 of the labels",
            or_dash(measures.macro_f1, exact),
            "Like accuracy, but each label counts the same however many photos it has. If it is far below the "
            "accuracy, labels with few photos do badly.",
        ),
        (
            "Cross entropy",
            f"{overall.cross_entropy:.2f}",
            f"How surprised it was by the truth: 0 is perfect, and guessing among {count(label_count, 'label')} "
            f"gives {math.log(label_count):.2f}. Confident mistakes cost most.",
        ),
        (
            "Calibration error",
            percent(error, 1),
            f"The gap between how sure it is and how often it is right. {count(measures.total, 'photo')} would vary "
            f"by {percent(chance, 1)} by chance alone{little}.",
        ),
    ]
    if overall.top_5 is not None:
        shown.insert(
            1,
            (
                "Top-5 accuracy",
                percent(overall.top_5, exact),
                "How often the right label is among its five highest.",
            ),
        )
    items = "".join(
        f'<div><dt>{title}</dt><dd class="value">{value}</dd><dd>{meaning}</dd></div>'
        for title, value, meaning in shown
    )
    return Section("figures", "The figures", f'<dl class="figures">{items}</dl>')


def labels(measures: Measures) -> Section | None:
    if not measures.total:
        return None
    # The hardest first: that is where more or better photos help.
    ranked = sorted(measures.per_label, key=lambda each: 2 if each.f1 is None else each.f1)
    few = len(ranked) <= _MOST_LABELS_OPEN
    means = (
        '<tfoot><tr><th scope="row">mean of the labels</th><td></td>'
        + "".join(
            f"<td>{or_dash(mean)}</td>" for mean in (measures.macro_recall, measures.macro_precision, measures.macro_f1)
        )
        + "</tr></tfoot>"
    )
    body = (
        "<p>The hardest labels come first. <b>Recall</b>: how many of its photos were recognised. <b>Precision</b>: "
        "when it gave this answer, how often it was right. <b>F1</b> combines the two, and is high only if both are. "
        "A dash: nothing to count.</p>"
    )
    body += _label_table(ranked if few else ranked[:_MOST_LABELS_OPEN], means if few else "", "each label")
    if not few:
        rest = ranked[_MOST_LABELS_OPEN:]
        body += (
            f"<details><summary>The other {len(rest)} labels</summary>"
            f"{_label_table(rest, means, 'the other labels')}</details>"
        )
    return Section("labels", "Label by label", body)


def _label_table(some: list[LabelMeasures], footer: str, which: str) -> str:
    rows = "".join(
        f'<tr><th scope="row">{name(each.label)}</th><td>{each.photos:,}</td>'
        f"{_bar_cell(each.recall)}{_bar_cell(each.precision)}{_bar_cell(each.f1)}</tr>"
        for each in some
    )
    return scrolling(
        f"How well {which} is recognised",
        '<table class="wide"><thead><tr><th scope="col">label</th><th scope="col">photos</th>'
        '<th scope="col">recall</th><th scope="col">precision</th>'
        f'<th scope="col">F1</th></tr></thead><tbody>{rows}</tbody>{footer}</table>',
    )


def _bar_cell(share: float | None) -> str:
    if share is None:
        return '<td class="share">–</td>'
    return f'<td class="share">{percent(share)}<i style="--w:{100 * share:.0f}%"></i></td>'


def calibration(measures: Measures) -> Section | None:
    overall = measures.overall
    if overall is None:
        return None
    sure = float(measures.judged.top.mean(dtype=np.float64))
    difference = sure - overall.accuracy
    low, high = overall.interval_95
    if low <= sure <= high or abs(difference) < 0.03:
        verdict = f"so as far as {count(measures.total, 'photo')} can show, its scores can be taken at face value"
    else:
        verdict = "so it is too sure of itself" if difference > 0 else "so it is right more often than it says"
    few = "" if measures.total >= FEW_PHOTOS else " With so few photos, single bars can be far off by chance."
    what = f"Reliability diagram: on average {percent(sure)} sure and {percent(overall.accuracy)} right."
    body = (
        f"<p>On average it was {percent(sure)} sure and {percent(overall.accuracy)} right, {verdict}. With perfect "
        f"scores each bar would end at its mark: of the photos it is {percent(0.8)} sure of, it would get "
        f"{percent(0.8)} right. Bars below their mark: too sure. Pale bars: few photos.{few}</p>"
        '<ul class="key" aria-hidden="true"><li><i class="k-right"></i>how often it was right</li>'
        '<li><i class="k-mark"></i>how sure it was</li><li><i class="k-ideal"></i>perfect</li></ul>'
        f"{charts.reliability(overall.calibration.bins, what)}"
    )
    return Section("calibration", "Can its scores be trusted?", body)
