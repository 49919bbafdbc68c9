"""Says in lines for a terminal what an evaluation measured."""

from __future__ import annotations

import math

import numpy as np

from ..drawing.text_columns import columns, cut, fit
from ..photos.image_lists import TRAINING
from ..training.accuracy import share_in_words
from .assessment import Assessment
from .findings import Findings, Suspicion
from .judged import Judged, Strangers
from .measures import LabelMeasures, Measures, Overall
from .near_duplicates import Pair
from .selection import ALL

_WIDTH = 100
_LONGEST_LABEL, _SHORTEST_LABEL = 30, 8
_MOST_LABELS_CROSSED = 12  # beyond that a confusion matrix is wider than a terminal
_MOST_CONFUSIONS = 10


def describe_all(assessment: Assessment) -> list[str]:
    """A line on the classifier and its photos, then all that `describe` says."""
    chosen, measures, strangers = assessment.chosen, assessment.measures, assessment.strangers
    which = "" if chosen.split == ALL else f"{chosen.split} "
    others = "" if strangers is None else f", and {len(strangers)} photos of none of its labels"
    model = assessment.classifier.model.path
    lines = [f"{model} on {measures.total} {which}photos of {chosen.lists.image_dir}{others}"]
    if learnt := measures.judged.splits.count(TRAINING):
        lines.append(f"{learnt} of these were there to be trained on: on new photos it is less accurate than this")
    return [*lines, *describe(measures, strangers)]


def describe(measures: Measures, strangers: Strangers | None = None) -> list[str]:
    """The figures, a table of the labels, and what was taken for what."""
    lines = [] if strangers is None else _strangers(strangers)
    if measures.overall is None:
        return [*lines, "no photos of known labels to evaluate on: nothing was measured"]
    return [*_figures(measures, measures.overall), *lines, "", *_label_table(measures), "", *_confusions(measures)]


def describe_findings(found: Findings, most: int = 3) -> list[str]:
    """The first few of everything found, each under a line that says how many there are."""
    tested, everything = found.tested, found.everything
    parts = [
        ("mistakes, the surest first", found.mistakes.tolist(), lambda row: _mistake(tested, row)),
        ("photos between two labels, the closest first", found.uncertain.tolist(), lambda row: _doubt(tested, row)),
        ("labels that may be wrong", found.suspicions, lambda each: _suspicion(everything, each)),
    ]
    if found.near is not None:
        parts += [
            ("photos nearly identical to one in another set", found.near.across_sets, lambda x: _pair(everything, x)),
            (
                "photos nearly identical to one of another label",
                found.near.across_labels,
                lambda each: _pair(everything, each),
            ),
        ]
    lines = []
    for title, each, say in parts:
        lines.append(f"{title}: {len(each) or 'none'}")
        lines += [f"  {say(one)}" for one in each[:most]]
    return lines


def _mistake(judged: Judged, row: int) -> str:
    return f"{judged.paths[row]}: taken for {judged.labels[judged.guesses[row]]} ({_score(judged.top[row])})"


def _doubt(judged: Judged, row: int) -> str:
    first, second = np.argsort(-judged.scores[row], kind="stable")[:2]
    scores = judged.scores[row]
    return (
        f"{judged.paths[row]}: {judged.labels[first]} ({_score(scores[first])}) or {judged.labels[second]} "
        f"({_score(scores[second])})"
    )


def _suspicion(judged: Judged, suspicion: Suspicion) -> str:
    score = judged.scores[suspicion.row, suspicion.suggested]
    return f"{judged.paths[suspicion.row]}: is it {judged.labels[suspicion.suggested]} ({_score(score)})?"


def _pair(judged: Judged, pair: Pair) -> str:
    first, second = (f"{judged.paths[row]} ({judged.splits[row]})" for row in (pair.first, pair.second))
    return f"{first} and {second}"


def _score(score: float) -> str:
    return f"{100 * score:.1f} %"


def _strangers(strangers: Strangers) -> list[str]:
    if not strangers.paths:
        return []
    return [f"turned away of photos of other things: {share_in_words(strangers.away, len(strangers))}"]


def _figures(measures: Measures, overall: Overall) -> list[str]:
    results, labels, calibration = measures.results, measures.judged.labels, overall.calibration
    commonest, share = overall.most_frequent
    lines = [
        f"accuracy {share_in_words(results.right, results.total)}",
        f"  to compare: always saying {cut(commonest, _LONGEST_LABEL)} would be right {100 * share:.1f} %",
    ]
    if overall.top_5 is not None:
        lines.append(f"top-5 accuracy {100 * overall.top_5:.1f} %: the right label is among the five highest")
    lines += [
        f"cross entropy {overall.cross_entropy:.3f} (0 is perfect, an even guess has {math.log(len(labels)):.3f})",
        f"calibration error {100 * calibration.error:.1f} % (so many photos show about "
        f"{100 * calibration.error_by_chance:.1f} % by chance alone)",
    ]
    if measures.turned_away is not None:
        away, kept = measures.turned_away.by_mistake, measures.turned_away.answered
        lines.append(f"turned away as unknown, though of a known label: {share_in_words(away, measures.total)}")
        if kept.total:
            lines.append(f"accuracy of the others {share_in_words(kept.right, kept.total)}")
    return lines


def _label_table(measures: Measures) -> list[str]:
    width = min(_LONGEST_LABEL, max(columns(name) for name in (*measures.judged.labels, "mean of the labels")))
    lines = [f"  {fit('', width)}  photos  precision   recall       F1"]
    lines += [_row(each, width) for each in measures.per_label]
    means = measures.macro_precision, measures.macro_recall, measures.macro_f1
    return [*lines, _line(fit("mean of the labels", width), "", *means)]


def _row(each: LabelMeasures, width: int) -> str:
    return _line(fit(each.label, width), each.photos, each.precision, each.recall, each.f1)


def _line(name: str, photos: int | str, *shares: float | None) -> str:
    precision, recall, f1 = ("–" if share is None else f"{100 * share:.1f} %" for share in shares)
    return f"  {name}  {photos:6}  {precision:>9}  {recall:>7}  {f1:>7}"


def _confusions(measures: Measures) -> list[str]:
    labels, found = measures.judged.labels, measures.confusions
    if len(labels) <= _MOST_LABELS_CROSSED:
        cell = 2 + len(str(measures.confusion.max()))
        room = max(_SHORTEST_LABEL, _WIDTH - 6 - cell * len(labels))
        width = min(_LONGEST_LABEL, room, max(columns(label) for label in labels))
        lines = ["confusion (row: what it is; column: what it was taken for)"]
        lines.append("  " + " " * (width + 4) + "".join(f"{at:>{cell}}" for at in range(1, len(labels) + 1)))
        for at, (label, row) in enumerate(zip(labels, measures.confusion, strict=True), 1):
            counts = "".join(f"{count or '·':>{cell}}" for count in row.tolist())
            lines.append(f"  {at:2}  {fit(label, width)}{counts}")
        return lines
    if not found:
        return ["nothing was taken for anything else"]
    lines = ["most frequent confusions"]
    width = min(_LONGEST_LABEL, max(columns(each[0]) for each in found[:_MOST_CONFUSIONS]))
    for truth, guess, times, of in found[:_MOST_CONFUSIONS]:
        lines.append(f"  {fit(truth, width)}  taken for {cut(guess, _LONGEST_LABEL)}  {times} of {of}")
    if len(found) > _MOST_CONFUSIONS:
        lines.append(f"  and {len(found) - _MOST_CONFUSIONS} others, less frequent")
    return lines
