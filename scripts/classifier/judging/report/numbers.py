"""The sections of the report that show numbers: what was measured, how training went, how the classifier was made."""

from __future__ import annotations

import math

import numpy as np

from ...drawing import curve_points
from ...photos.image_lists import SPLITS
from ..measures import LabelMeasures, Measures
from . import charts
from .markup import FEW_PHOTOS, Section, count, decimals, name, or_dash, percent, scrolling, text

_MOST_LABELS_OPEN = 15  # a longer table of labels shows the hardest and folds the rest away
_MOST_LABELS_TABULATED = 20  # up to here the confusion matrix is there as a table, too
_MOST_CONFUSIONS = 8

_DISTORTIONS = ("flip_left_right", "random_crop", "random_scale", "random_brightness")


def figures(measures: Measures) -> Section:
    if not measures.total:
        return Section("figures", "The figures", "<p>Nothing was measured.</p>")
    exact, label_count = decimals(measures.total), len(measures.judged.labels)
    low, high = measures.interval_95
    chance = measures.calibration_error_by_chance
    fair = "No more than chance alone gives" if measures.calibration_error <= 1.5 * chance else "Chance alone gives"
    shown = [
        (
            "Accuracy",
            percent(measures.accuracy, exact),
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
            f"{measures.cross_entropy:.2f}",
            f"How surprised it was by the truth: 0 is perfect, and an even guess among {label_count} labels has "
            f"{math.log(label_count):.2f}. Confident mistakes cost most.",
        ),
        (
            "Calibration error",
            percent(measures.calibration_error, 1),
            f"How far its scores are from how often it is right. {fair}: about {percent(chance, 1)} with "
            f"{count(measures.total, 'photo')}.",
        ),
    ]
    if measures.top_5 is not None:
        shown.insert(
            1,
            (
                "Top-5 accuracy",
                percent(measures.top_5, exact),
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


def confusion(measures: Measures) -> Section | None:
    if not measures.total or len(measures.judged.labels) < 2:
        return None
    found = measures.confusions
    said = "; ".join(f"{text(a)} taken for {text(b)}: {times} of {of}" for a, b, times, of in found[:_MOST_CONFUSIONS])
    picture = charts.confusion(measures, f"Confusion matrix. {said or 'Nothing was taken for anything else.'}")
    names = ""
    if len(measures.judged.labels) > charts.MOST_LABELS_WRITTEN:
        names = (
            " Labels stand in their usual order, downwards and to the right; "
            "point at a square to read which two they are."
        )
    body = (
        "<p>Each row holds the photos of one label, each column what they were taken for. The diagonal is right; what "
        f"lies beside it was mixed up. The stronger the colour, the larger a share of the row.{names}</p>"
        '<ul class="key" aria-hidden="true"><li><i class="k-right"></i>right</li><li><i class="k-wrong"></i>wrong</li>'
        f"</ul><div class=beside>{scrolling('Confusion matrix', picture)}"
    )
    if found:
        lines = "".join(
            f"<li>{name(truth)} taken for {name(guess)}: {times:,} of {of:,}</li>"
            for truth, guess, times, of in found[:_MOST_CONFUSIONS]
        )
        left = sum(times for _, _, times, _ in found[_MOST_CONFUSIONS:])
        rest = f"<p class=soft>{count(left, 'other mistake')} are of rarer kinds.</p>" if left else ""
        body += f"<div><h3>Mixed up most often</h3><ul>{lines}</ul>{rest}</div>"
    body += "</div>"
    if len(measures.judged.labels) <= _MOST_LABELS_TABULATED:
        body += f"<details><summary>The same as a table</summary>{_confusion_table(measures)}</details>"
    return Section("confusion", "What was taken for what", body)


def _confusion_table(measures: Measures) -> str:
    labels = measures.judged.labels
    heads = "".join(f'<th scope="col">{name(label)}</th>' for label in labels)
    rows = "".join(
        f'<tr><th scope="row">{name(label)}</th>{"".join(f"<td>{number:,}</td>" for number in row)}</tr>'
        for label, row in zip(labels, measures.confusion.tolist(), strict=True)
    )
    return scrolling(
        "Confusion matrix as a table",
        "<table><caption>Rows: what it is. Columns: what it was taken for.</caption><thead><tr>"
        f'<th scope="col">label</th>{heads}</tr></thead><tbody>{rows}</tbody></table>',
    )


def curves(curve: dict[str, list] | None) -> Section | None:
    if curve is None or not curve.get("step"):
        return None
    validated = any(value is not None for value in curve.get("validation_accuracy") or [])
    drawn = ""
    for heading, key, top, meaning in (
        ("Accuracy", "accuracy", 1.0, "higher is better"),
        ("Cross entropy", "cross_entropy", None, "lower is better"),
    ):
        series = [("training", curve[key])]
        if validated:
            series.append(("validation", curve[f"validation_{key}"]))
        last = ((which, curve_points.last(values)) for which, values in series)
        ends = ", ".join(f"{which} {value:.2f}" for which, value in last if value is not None)
        what = f"{heading} over {curve['step'][-1]:,} training steps; at the end: {ends}"
        picture = charts.curve(curve["step"], series, top, what, shares=top is not None)
        drawn += f"<div><h3>{heading} <span class=soft>({meaning})</span></h3>{picture}</div>"
    lines = '<li><i class="k-training"></i>photos it learned from</li>'
    lines += '<li><i class="k-validation"></i>photos kept aside (validation)</li>' if validated else ""
    body = (
        "<p>Each step looks at some photos and corrects the classifier a little. Lines that still climb or fall at the "
        "end ask for more steps; a growing gap between the two means that it learns its photos by heart, and asks for "
        "more photos. Where single measurements strayed, a pale band shows how far.</p>"
        f'<ul class="key" aria-hidden="true">{lines}</ul><div class="charts">{drawn}</div>'
    )
    return Section("training", "How it learned", body)


def calibration(measures: Measures) -> Section | None:
    if not measures.total:
        return None
    sure = float(measures.judged.top.mean(dtype=np.float64))
    difference = sure - measures.accuracy
    if abs(difference) < 0.03:
        verdict = "which fits"
    else:
        verdict = "so it is too sure of itself" if difference > 0 else "so it is more often right than it says"
    few = "" if measures.total >= FEW_PHOTOS else " With so few photos, single bars may well be off by chance."
    what = f"Reliability diagram: on average {percent(sure)} sure and {percent(measures.accuracy)} right."
    body = (
        f"<p>On average it was {percent(sure)} sure and {percent(measures.accuracy)} right, {verdict}. Were its scores "
        "exact, each bar would end at its mark: of photos that it is 80 % sure of, it would get 80 % right. Bars "
        f"below their marks are too sure. Pale bars stand for few photos.{few}</p>"
        '<ul class="key" aria-hidden="true"><li><i class="k-right"></i>how often it was right</li>'
        '<li><i class="k-mark"></i>how sure it was</li><li><i class="k-ideal"></i>perfect</li></ul>'
        f"{charts.reliability(measures.bins, what)}"
    )
    return Section("calibration", "Can its scores be trusted?", body)


def making(record: dict | None) -> Section | None:
    if record is None:
        return None
    options, backbone = _dict(record.get("options")), _dict(record.get("backbone"))
    photos = [_dict(each) for each in _dict(record.get("photos")).values()]
    numbers = [f"{sum(each.get(split, 0) for each in photos):,} {split}" for split in SPLITS] if photos else []
    distorted = [
        f"{flag.replace('_', ' ')} {options[flag]}" if options[flag] is not True else flag.replace("_", " ")
        for flag in _DISTORTIONS
        if options.get(flag)
    ]
    seconds = [each for each in _dict(record.get("seconds")).values() if isinstance(each, int | float)]
    versions = [f"{package} {version}" for package, version in _dict(record.get("versions")).items()]
    facts = [
        ("Network", backbone.get("architecture") or options.get("architecture")),
        ("Arithmetic", backbone.get("precision")),
        ("Values a photo", backbone.get("bottleneck_size")),
        ("Photos", ", ".join(numbers) or None),
        ("Unreadable photos", record.get("unreadable_photos")),
        ("Training steps", record.get("steps_trained")),
        ("Learning rate", options.get("learning_rate")),
        ("Photos a step", options.get("train_batch_size")),
        ("Distortions", ", ".join(distorted) or None),
        ("Seed", record.get("seed")),
        ("Time", f"{sum(seconds):.0f} s" if seconds else None),
        ("Versions", ", ".join(versions) or None),
        ("Fingerprint of the photos", record.get("data_fingerprint")),
        ("Checksum of the graph", record.get("graph_sha256")),
    ]
    known = [(title, value) for title, value in facts if value is not None]
    if not known:
        return None
    items = "".join(
        f"<dt>{title}</dt><dd>{text(f'{value:,}' if type(value) is int else value)}</dd>" for title, value in known
    )
    return Section("making", "How it was made", f'<dl class="facts">{items}</dl>')


def _dict(value: object) -> dict:
    """A part of a record, which may be another program's."""
    return value if isinstance(value, dict) else {}
