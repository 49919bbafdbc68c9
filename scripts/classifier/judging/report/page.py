"""Writes what an evaluation found as one page that needs nothing beside it."""

from __future__ import annotations

from dataclasses import dataclass

from ...photos.folders import Place
from ..assessment import Assessment
from ..findings import Findings
from ..judged import Strangers
from ..measures import Measures
from . import confusions, making, numbers, photos, verdict
from .markup import text
from .style import STYLE

# Nothing is fetched from anywhere, whatever a name on this page may hold.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Report:
    """What the page is made of. What is None has no section."""

    title: str  # the classifier's name
    image_dir: Place  # where the paths of photos begin
    measures: Measures
    findings: Findings
    record: dict | None = None  # the one beside the graph
    curve: dict[str, list] | None = None  # step, accuracy, cross_entropy, validation_accuracy, validation_cross_entropy
    strangers: Strangers | None = None

    @staticmethod
    def of(assessment: Assessment, found: Findings) -> Report:
        model = assessment.classifier.model
        return Report(
            title=model.path.name,
            image_dir=assessment.chosen.lists.image_dir,
            measures=assessment.measures,
            findings=found,
            record=model.record,
            curve=(model.record or {}).get("curve"),
            strangers=assessment.strangers,
        )


def render(report: Report) -> str:
    measures, found, image_dir = report.measures, report.findings, report.image_dir
    possible = (
        numbers.figures(measures),
        numbers.labels(measures),
        confusions.confusion(measures),
        making.curves(report.curve),
        numbers.calibration(measures),
        photos.mistakes(found, image_dir),
        photos.uncertain(found, image_dir),
        photos.suspicions(found, image_dir),
        photos.near_identical(found, image_dir),
        photos.unknown(measures, report.strangers),
        making.making(report.record),
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
        f'<a class="skip" href="#figures">Skip to the figures</a>\n'
        f"<header>{verdict.head(report.title, measures, found.near)}"
        f'<nav aria-label="On this page"><ul>{links}</ul></nav></header>\n<main>\n{body}</main>\n'
        "<footer><p>Written by Poets. This page holds everything it shows: it can be sent, copied and printed as it "
        "is. The photos on it are small copies.</p></footer>\n</body>\n</html>\n"
    )
