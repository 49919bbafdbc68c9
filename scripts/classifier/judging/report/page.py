"""Writes what an evaluation found as one page that needs nothing beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...photos.image_lists import TESTING, TRAINING, VALIDATION
from ..findings import Findings
from ..measures import Measures, Strangers
from . import numbers, photos
from .markup import FEW_PHOTOS, count, decimals, name, percent, text
from .style import STYLE

# Nothing is fetched from anywhere, whatever a name on this page may hold.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Report:
    """What the page is made of. What is None has no section."""

    title: str  # the classifier's name
    image_dir: Path  # where the paths of photos begin
    measures: Measures
    findings: Findings
    record: dict | None = None  # the one beside the graph
    curve: dict[str, list] | None = None  # step, accuracy, cross_entropy, validation_accuracy, validation_cross_entropy
    strangers: Strangers | None = None


def render(report: Report) -> str:
    measures, found, image_dir = report.measures, report.findings, report.image_dir
    possible = (
        numbers.figures(measures),
        numbers.labels(measures),
        numbers.confusion(measures),
        numbers.curves(report.curve),
        numbers.calibration(measures),
        photos.mistakes(found, image_dir),
        photos.uncertain(found, image_dir),
        photos.suspicions(found, image_dir),
        photos.near_identical(found, image_dir),
        photos.unknown(measures, report.strangers),
        numbers.making(report.record),
    )
    sections = [section for section in possible if section is not None]
    links = "".join(f'<li><a href="#{each.anchor}">{each.heading}</a></li>' for each in sections)
    body = "".join(
        f'<section id="{each.anchor}" aria-labelledby="{each.anchor}-heading">'
        f'<h2 id="{each.anchor}-heading">{each.heading}</h2>{each.body}</section>\n'
        for each in sections
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{text(_POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(report.title)}: how good is it?</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#figures">Skip to the figures</a>\n<header>{_verdict(report)}'
        f'<nav aria-label="On this page"><ul>{links}</ul></nav></header>\n<main>\n{body}</main>\n'
        "<footer><p>Written by Poets. This page holds everything it shows: it can be sent, copied and printed as it "
        "is. The photos on it are small copies.</p></footer>\n</body>\n</html>\n"
    )


def _verdict(report: Report) -> str:
    measures, about = report.measures, f'<p class="about">{name(report.title)}, evaluated</p>'
    if not measures.total:
        return f"{about}<h1>There were no photos to judge it by</h1>"
    right, total = measures.results.right, measures.total
    low, high = measures.interval_95
    which = _which_photos(measures.judged.splits)
    if right == total:
        heading = f"Right on {'the one photo' if total == 1 else f'all {total:,} photos'} {which}"
    else:
        heading = f"Right on {right:,} of {total:,} photos {which}: {percent(measures.accuracy, decimals(total))}"
    exact = decimals(total)
    commonest, share = measures.most_frequent
    sentences = [
        f"{'With so few photos, luck plays a part: on' if total < FEW_PHOTOS else 'On'} many more photos like these it "
        f"would be right between {percent(low, exact)} and {percent(high, exact)} of the time, most likely."
    ]
    if len(measures.judged.labels) > 1:
        sentences.append(f"Always saying {name(commonest)} would be right {percent(share, exact)}.")
        if share >= low:
            sentences.append("It is not certain that the classifier does any better than that.")
    return (
        f"{about}<h1>{heading}</h1><p>{' '.join(sentences)}</p>{_interval(measures, low, high, share)}"
        f"{''.join(f'<p class=note>{each}</p>' for each in _reservations(report))}"
    )


def _which_photos(splits: list[str]) -> str:
    found = set(splits)
    if found == {TESTING}:
        return "it had never seen"
    if found == {TRAINING}:
        return "it learned from"
    if found <= {TESTING, VALIDATION}:
        return "it did not learn from"
    return "shown to it"


def _interval(measures: Measures, low: float, high: float, guess: float) -> str:
    several = len(measures.judged.labels) > 1
    line = f'<span class="guess" style="left:{100 * guess:.1f}%"></span>' if several else ""
    key = '<li><i class="k-guess"></i>always saying the same</li>' if several else ""
    return (
        f'<div class="scale"><div class="track" role="img" aria-label="On a scale from 0 to 100 %: measured '
        f'{percent(measures.accuracy, 1)}, likely between {percent(low, 1)} and {percent(high, 1)}">{line}'
        f'<span class="range" style="left:{100 * low:.1f}%;width:{100 * (high - low):.1f}%"></span>'
        f'<span class="point" style="left:{100 * measures.accuracy:.1f}%"></span></div>'
        '<div class="ends" aria-hidden="true"><span>0 %</span><span>50 %</span><span>100 %</span></div></div>'
        '<ul class="key" aria-hidden="true"><li><i class="k-point"></i>measured</li>'
        f'<li><i class="k-range"></i>where the truth likely lies (95 %)</li>{key}</ul>'
    )


def _reservations(report: Report) -> list[str]:
    """What makes the figure look better than it is."""
    notes = []
    learnt = report.measures.judged.splits.count(TRAINING)
    if learnt:
        notes.append(
            f"{count(learnt, 'of these photos was', 'of these photos were')} learned from. A classifier is good at "
            "photos that it knows; how good it is at new ones is told only by photos that were kept from it."
        )
    near = report.findings.near
    if near is not None:
        twins = near.copies.get((TESTING, TRAINING), 0)
        if twins:
            notes.append(
                f"{count(twins, 'test photo has a nearly identical twin', 'test photos have nearly identical twins')} "
                "among those it learned from, which flatters the figure: see "
                '<a href="#near-identical">nearly identical photos</a>.'
            )
    return notes
