"""Writes what an evaluation found as one self-contained page."""

from __future__ import annotations

from dataclasses import dataclass

from ...photos.folders import Place
from ..assessment import Assessment
from ..findings import Findings
from ..judged import Strangers
from ..measures import Measures
from ..sure_measures import SureMeasures
from . import confusions, making, mistakes, numbers, photos, sure_answers, verdict
from .heat import Heats
from .markup import text
from .style import STYLE

# The page fetches nothing, whatever label and file names may contain.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Report:
    """Everything the page shows. Parts that are None have no section."""

    title: str  # the classifier's name
    image_dir: Place  # the photos' paths are relative to it
    measures: Measures
    findings: Findings
    record: dict | None = None  # the one beside the graph
    curve: dict[str, list] | None = None  # step, accuracy, cross_entropy, validation_accuracy, validation_cross_entropy
    strangers: Strangers | None = None
    sure: SureMeasures | None = None
    proven: bool = False  # the record knows every photo that training has seen
    heats: Heats | None = None  # over the mistakes
    none: Strangers | None = None  # test photos of --none_dir

    @staticmethod
    def of(assessment: Assessment, found: Findings, heats: Heats | None = None) -> Report:
        model = assessment.classifier.model
        return Report(
            title=model.path.name,
            image_dir=assessment.chosen.lists.image_dir,
            measures=assessment.measures,
            findings=found,
            record=model.record,
            curve=(model.record or {}).get("curve"),
            strangers=assessment.strangers,
            sure=assessment.sure,
            proven=assessment.exposed.proven,
            heats=heats,
            none=assessment.none,
        )


def render(report: Report) -> str:
    measures, found, image_dir = report.measures, report.findings, report.image_dir
    possible = (
        numbers.figures(measures),
        numbers.labels(measures),
        confusions.confusion(measures),
        making.curves(report.curve),
        numbers.calibration(measures),
        sure_answers.section(report.sure),
        mistakes.mistakes(found, image_dir, report.heats),
        photos.uncertain(found, image_dir),
        photos.suspicions(found, image_dir),
        photos.near_identical(found, image_dir),
        photos.unknown(measures, report.strangers, report.none),
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
        f"<header>{verdict.head(report.title, measures, found.near, report.proven)}"
        f'<nav aria-label="On this page"><ul>{links}</ul></nav></header>\n<main>\n{body}</main>\n'
        "<footer><p>Written by Poets. This page is one self-contained file, photos included: send it, copy it or print "
        "it.</p></footer>\n</body>\n</html>\n"
    )
