"""Describes the results of an evaluation in lines for a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..drawing.percent import percent
from ..drawing.text_columns import columns, cut, fit
from ..photos.image_lists import TRAINING, VALIDATION
from ..training.accuracy import interval_95, share_in_words
from .assessment import Assessment
from .findings import Findings, Suspicion
from .judged import Judged, Strangers, spoken
from .looking import LabelledPhoto
from .measures import LabelMeasures, Measures, Overall
from .near_duplicates import Pair
from .selection import ALL, Selection

_WIDTH = 100
_LONGEST_LABEL, _SHORTEST_LABEL = 30, 8
_MOST_LABELS_CROSSED = 12  # beyond that a confusion matrix is wider than a terminal
_MOST_CONFUSIONS = 10


def announce(model: Path, chosen: Selection, measured: list[LabelledPhoto], looked_at: int) -> str:
    """The line before the work."""
    known = sum(photo.label is not None for photo in measured)
    if not known:
        return f"evaluating {model} on {_photos(len(measured))} of {chosen.lists.image_dir}, all of none of its labels"
    which = "" if chosen.split == ALL else f"{spoken(chosen.split)} "
    others = len(measured) - known
    beside = f" and {others:,} of none of its labels" if others else ""
    report = f", and searching all {looked_at:,} for the report" if looked_at > len(measured) else ""
    return f"evaluating {model} on {_photos(known, which)} of {chosen.lists.image_dir}{beside}{report}"


def unreadable(photos: Mapping[str, str]) -> str:
    """`photos`, at least one: path -> why it cannot be read."""
    path, reason = next(iter(photos.items()))
    others = "" if len(photos) == 1 else " ..."
    return f"left out {_photos(len(photos))} that cannot be read ({path}: {reason}{others})"


def describe_all(assessment: Assessment) -> list[str]:
    """What is known of the photos and training, then the lines of `describe`."""
    measures, lines = assessment.measures, []
    learned, tuned = (measures.judged.splits.count(use) for use in (TRAINING, VALIDATION))
    if learned:
        also = f" and tuned on {tuned:,}" if tuned else ""
        lines.append(f"it was trained on {learned:,} of these photos{also}: expect less of it on new ones")
    elif not assessment.exposed.proven and not assessment.chosen.own:
        lines.append("it is not known which photos it was trained on: these may be among them")
    sure = [] if assessment.sure is None else ["", *assessment.sure.describe()]
    return [*lines, *describe(measures, assessment.strangers, assessment.none), *sure]


def describe(measures: Measures, strangers: Strangers | None = None, none: Strangers | None = None) -> list[str]:
    """The figures, a table of the labels, and what was taken for what."""
    lines = [] if strangers is None else _strangers("other things", strangers)
    lines += [] if none is None else _strangers("test photos of --none_dir", none)
    if measures.overall is None:
        return [*lines, "no photos of its labels to evaluate on: nothing was measured"]
    return [*_figures(measures, measures.overall), *lines, "", *_label_table(measures), "", *_confusions(measures)]


def describe_findings(found: Findings, most: int = 3) -> list[str]:
    """The first few findings of each kind, under a line that says how many there are."""
    tested, everything = found.tested, found.everything
    parts = [
        ("mistakes, the surest first", found.mistakes.tolist(), lambda row: _mistake(tested, row)),
        (
            "close calls, the closest first",
            found.uncertain.tolist(),
            lambda row: _doubt(tested, row),
        ),
        ("labels worth a look, the strongest case first", found.suspicions, lambda each: _suspicion(everything, each)),
    ]
    if found.near is not None:
        parts += [
            ("photos nearly identical to one in another set", found.near.across_sets, lambda x: _pair(everything, x)),
            (
                "photos nearly identical to one under another label",
                found.near.across_labels,
                lambda each: _pair(everything, each),
            ),
        ]
    lines = []
    for title, each, say in parts:
        lines.append(f"{title}: {len(each):,}" if each else f"{title.partition(',')[0]}: none")
        lines += [f"  {say(one)}" for one in each[:most]]
    return lines


def _mistake(judged: Judged, row: int) -> str:
    return f"{judged.paths[row]}: taken for {judged.labels[judged.guesses[row]]} ({percent(judged.top[row])})"


def _doubt(judged: Judged, row: int) -> str:
    first, second = np.argsort(-judged.scores[row], kind="stable")[:2]
    scores = judged.scores[row]
    return (
        f"{judged.paths[row]}: {judged.labels[first]} ({percent(scores[first])}) or {judged.labels[second]} "
        f"({percent(scores[second])})"
    )


def _suspicion(judged: Judged, suspicion: Suspicion) -> str:
    score = judged.scores[suspicion.row, suspicion.suggested]
    return f"{judged.paths[suspicion.row]}: is it {judged.labels[suspicion.suggested]} ({percent(score)})?"


def _pair(judged: Judged, pair: Pair) -> str:
    first, second = (f"{judged.paths[row]} ({spoken(judged.splits[row])})" for row in (pair.first, pair.second))
    return f"{first} and {second}"


def _strangers(what: str, strangers: Strangers) -> list[str]:
    if not strangers.paths:
        return []
    return [f"{what} rightly called unknown: {share_in_words(strangers.away, len(strangers))}"]


def _figures(measures: Measures, overall: Overall) -> list[str]:
    results, labels, calibration = measures.results, measures.judged.labels, overall.calibration
    commonest, share = overall.most_frequent
    low, high = interval_95(results.right, results.total)
    lines = [
        f"accuracy {share_in_words(results.right, results.total)}",
        f"  {results.right:,} of {_photos(results.total)} right; on more photos like these, probably between "
        f"{percent(low)} and {percent(high)}",
        f"  for comparison: always answering {cut(commonest, _LONGEST_LABEL)} would be right {percent(share)} of the "
        "time",
    ]
    if overall.top_5 is not None:
        lines.append(f"top-5 accuracy {percent(overall.top_5)}: the right label is among the five highest")
    lines += [
        f"cross entropy {overall.cross_entropy:.3f} (0 is perfect, guessing gives {math.log(len(labels)):.3f})",
        f"calibration error {percent(calibration.error)}, the gap between how sure it is and how often it is right",
        f"  {_photos(results.total)} would vary by {percent(calibration.error_by_chance)} by chance alone",
    ]
    if measures.turned_away is not None:
        away, kept = measures.turned_away.by_mistake, measures.turned_away.answered
        lines.append(f"wrongly called unknown: {share_in_words(away, measures.total)}")
        if kept.total:
            lines.append(f"accuracy on the others {share_in_words(kept.right, kept.total)}")
    return lines


def _photos(number: int, which: str = "") -> str:
    return f"{number:,} {which}photo{'' if number == 1 else 's'}"


def _label_table(measures: Measures) -> list[str]:
    width = min(_LONGEST_LABEL, max(columns(name) for name in (*measures.judged.labels, "mean of the labels")))
    lines = [f"  {fit('', width)}  photos  precision   recall       F1"]
    lines += [_row(each, width) for each in measures.per_label]
    means = measures.macro_precision, measures.macro_recall, measures.macro_f1
    return [*lines, _line(fit("mean of the labels", width), "", *means)]


def _row(each: LabelMeasures, width: int) -> str:
    return _line(fit(each.label, width), each.photos, each.precision, each.recall, each.f1)


def _line(name: str, photos: int | str, *shares: float | None) -> str:
    precision, recall, f1 = ("–" if share is None else percent(share) for share in shares)
    return f"  {name}  {photos:6}  {precision:>9}  {recall:>7}  {f1:>7}"


def _confusions(measures: Measures) -> list[str]:
    labels, found = measures.judged.labels, measures.confusions
    if len(labels) <= _MOST_LABELS_CROSSED:
        cell = 2 + len(str(measures.confusion.max()))
        room = max(_SHORTEST_LABEL, _WIDTH - 6 - cell * len(labels))
        width = min(_LONGEST_LABEL, room, max(columns(label) for label in labels))
        lines = ["confusion matrix (row: what it is; column: what it was taken for)"]
        lines.append("  " + " " * (width + 4) + "".join(f"{at:>{cell}}" for at in range(1, len(labels) + 1)))
        for at, (label, row) in enumerate(zip(labels, measures.confusion, strict=True), 1):
            counts = "".join(f"{count or '·':>{cell}}" for count in row.tolist())
            lines.append(f"  {at:2}  {fit(label, width)}{counts}")
        return lines
    if not found:
        return ["nothing was mixed up"]
    lines = ["most often confused"]
    width = min(_LONGEST_LABEL, max(columns(each[0]) for each in found[:_MOST_CONFUSIONS]))
    for truth, guess, times, of in found[:_MOST_CONFUSIONS]:
        lines.append(f"  {fit(truth, width)}  taken for {cut(guess, _LONGEST_LABEL)}  {times} of {of}")
    if len(found) > _MOST_CONFUSIONS:
        lines.append(f"  and {len(found) - _MOST_CONFUSIONS:,} rarer pairs")
    return lines
