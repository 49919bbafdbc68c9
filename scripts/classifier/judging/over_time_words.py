"""Describes a log of answers, for a terminal and as JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from ..drawing.percent import percent
from ..drawing.text_columns import columns, cut, fit
from ..photos.wording import counted
from ..training.accuracy import interval_95, share_in_words
from . import drift_words
from .answer_log import Log, Origin
from .drift import Tally
from .judged import spoken
from .over_time import History

_LONGEST_LABEL, _MOST_LABELS = 30, 30


def describe(history: History, names: Sequence[str]) -> list[str]:
    """`names` are those of the labels, for people."""
    whole, expected, lines = history.whole, history.expected, history.lines
    before = "" if expected is None else f"its {counted(expected.photos, f'{spoken(expected.split)} photo')}"
    said = [f"{counted(whole.pictures, 'answer')}, from {_stamp(lines[0].time)} to {_stamp(lines[-1].time)}"]
    if whole.asked:
        was = "" if expected is None or expected.unknown is None else f"; of {before}, {percent(expected.unknown)}"
        said.append(f"unknown: {share_in_words(whole.unknown, whole.asked)}{was}")
    assert whole.mean_score is not None, "there is at least one line"
    was = "" if expected is None else f"; for {before}, {percent(expected.mean_score)}"
    said.append(f"highest score: {percent(whole.mean_score)} on average{was}")
    said += ["", *_label_table(history, names), "", *_period_table(history)]
    return [*said, *_notes(history, names)]


def of_several(log: Log) -> list[str]:
    """The line that says which classifiers gave the answers, if there is more than one."""
    found = log.origins()
    if len(found) == 1:
        return []
    each = ", ".join(f"{_called(origin)}: {number:,}" for origin, number in found.most_common())
    return [f"the log holds answers of {len(found)} classifiers ({each})"]


def as_record(log: Log, history: History) -> dict:
    whole, expected = history.whole, history.expected
    shares = {} if expected is None else expected.label_shares
    labels = {
        label: {"pictures": int(whole.counts[at]), "share": whole.share(at), "interval_95": whole.interval_95(at)}
        | ({"expected": shares[label]} if label in shares else {})
        for at, label in enumerate(history.labels)
    }
    return {
        "damaged_lines": log.damaged,
        "models": [{**origin._asdict(), "pictures": number} for origin, number in log.origins().most_common()],
        "from": history.lines[0].time.isoformat(),
        "to": history.lines[-1].time.isoformat(),
        **_figures(whole),
        "unknown_interval_95": interval_95(whole.unknown, whole.asked) if whole.asked else None,
        "labels": labels,
        "expected": None if expected is None else expected.as_record(),
        "differences": [
            {"about": each.way, "found": each.found, "expected": each.expected}
            | ({} if each.label is None else {"label": history.labels[each.label]})
            for each in history.differences
        ],
        "periods": [{"period": each.name, **_figures(each.tally)} for each in history.periods],
    }


def _figures(tally: Tally) -> dict:
    return {"pictures": tally.pictures, "unknown": tally.unknown_share, "mean_score": tally.mean_score}


def _label_table(history: History, names: Sequence[str]) -> list[str]:
    whole = history.whole
    shares = None if history.expected is None else list(history.expected.label_shares.values())
    order = np.argsort(-whole.counts, kind="stable")[:_MOST_LABELS].tolist()
    width = min(_LONGEST_LABEL, max(columns("label"), *(columns(names[at]) for at in order)))
    lines = [f"  {fit('label', width)}  pictures    share    95 % interval{'' if shares is None else '  expected'}"]
    for at in order:
        low, high = (100 * end for end in whole.interval_95(at))
        between, was = f"{low:.1f} to {high:.1f} %", "" if shares is None else f"  {percent(shares[at]):>8}"
        name = fit(cut(names[at], _LONGEST_LABEL), width)
        lines.append(f"  {name}  {int(whole.counts[at]):8,}  {percent(whole.share(at)):>7}  {between:>15}{was}")
    left = len(history.labels) - len(order)
    return [*lines, f"  and {counted(left, 'rarer label')}"] if left else lines


def _period_table(history: History) -> list[str]:
    width = max(columns(each.name) for each in history.periods)
    lines = [f"  {fit('UTC', width)}  pictures  unknown  mean highest score"]
    for each in history.periods:
        tally = each.tally
        share, mean = ("–" if value is None else percent(value) for value in (tally.unknown_share, tally.mean_score))
        lines.append(f"  {fit(each.name, width)}  {tally.pictures:8,}  {share:>7}  {mean:>18}")
    return lines


def _notes(history: History, names: Sequence[str]) -> list[str]:
    if history.expected is None:
        return []
    these = f"these {history.whole.pictures:,} pictures"
    notes = [drift_words.note(each, these, history.expected, names) for each in history.differences]
    return ["", *(notes or ["nothing differs from the photos at training by more than chance, and enough to matter"])]


def _called(origin: Origin) -> str:
    return f"{origin.name}, version {origin.version}{'' if origin.classifier is None else f', {origin.classifier}'}"


def _stamp(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}"
