"""The sections of the report that show numbers: the figures, those of each label, and whether scores can be trusted."""

from __future__ import annotations

import math

import numpy as np

from ..measures import LabelMeasures, Measures
from . import charts
from .markup import FEW_PHOTOS, Section, count, decimals, name, or_dash, percent, scrolling

_MOST_LABELS_OPEN = 15  # a longer table of labels shows the hardest and folds the rest away


def figures(measures: Measures) -> Section:
    overall = measures.overall
    if overall is None:
        return Section("figures", "The figures", "<p>Nothing was measured.</p>")
    exact, label_count = decimals(measures.total), len(measures.judged.labels)
    low, high = overall.interval_95
    error, chance = overall.calibration.error, overall.calibration.error_by_chance
    fair = "No more than chance alone gives" if error <= 1.5 * chance else "Chance alone gives"
    shown = [
        (
            "Accuracy",
            percent(overall.accuracy, exact),
            f"How often its first answer is right. From {count(measures.total, 'photo')}, the true value is likely "
            f"(95 %) between {percent(low, exact)} and {percent(high, exact)}.",
        ),
        (
            "Mean F1 of the labels",
            or_dash(measures.macro_f1, exact),
            "Each label counts the same here, however many photos it has. Far below the accuracy, it means that rare "
            "labels fare badly.",
        ),
        (
            "Cross entropy",
            f"{overall.cross_entropy:.2f}",
            f"How surprised it was by the truth: 0 is perfect, and an even guess among {label_count} labels has "
            f"{math.log(label_count):.2f}. Confident mistakes cost most.",
        ),
        (
            "Calibration error",
            percent(error, 1),
            f"How far its scores are from how often it is right. {fair}: about {percent(chance, 1)} with "
            f"{count(measures.total, 'photo')}.",
        ),
    ]
    if overall.top_5 is not None:
        shown.insert(
            1,
            (
                "Top-5 accuracy",
                percent(overall.top_5, exact),
                "How often the right label is among its first five answers.",
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
        "<p>The hardest labels come first. <b>Found</b>: of the photos of it, the share that was recognised (recall). "
        "<b>Believed</b>: of the photos taken for it, the share that really is (precision). <b>F1</b> joins the "
        "two, and is high only where both are. A dash: there is nothing to count.</p>"
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
        '<th scope="col">found <small>(recall)</small></th><th scope="col">believed <small>(precision)</small></th>'
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
    if abs(difference) < 0.03:
        verdict = "which fits"
    else:
        verdict = "so it is too sure of itself" if difference > 0 else "so it is more often right than it says"
    few = "" if measures.total >= FEW_PHOTOS else " With so few photos, single bars may well be off by chance."
    what = f"Reliability diagram: on average {percent(sure)} sure and {percent(overall.accuracy)} right."
    body = (
        f"<p>On average it was {percent(sure)} sure and {percent(overall.accuracy)} right, {verdict}. Were its scores "
        "exact, each bar would end at its mark: of photos that it is 80 % sure of, it would get 80 % right. Bars "
        f"below their marks are too sure. Pale bars stand for few photos.{few}</p>"
        '<ul class="key" aria-hidden="true"><li><i class="k-right"></i>how often it was right</li>'
        '<li><i class="k-mark"></i>how sure it was</li><li><i class="k-ideal"></i>perfect</li></ul>'
        f"{charts.reliability(overall.calibration.bins, what)}"
    )
    return Section("calibration", "Can its scores be trusted?", body)
