"""The measures of an evaluation as JSON values; undefined ones are null."""

from __future__ import annotations

from dataclasses import replace

from ..photos import category_names
from ..photos.image_lists import TRAINING, VALIDATION
from ..training import accuracy
from .assessment import Assessment
from .judged import Strangers
from .measures import Measures


def of(assessment: Assessment) -> dict:
    """The record for programs, which use the labels rather than their display names."""
    classifier, chosen = assessment.classifier, assessment.chosen
    record = {"graph": str(classifier.model.path), "image_dir": str(chosen.lists.image_dir), "split": chosen.split}
    names = {} if classifier.named is None else {category_names.RECORDED: classifier.named}
    seen = {"seen": _seen(assessment)}
    labelled = Measures(replace(assessment.measures.judged, labels=classifier.labels))
    sure = {} if assessment.sure is None else {"sure": assessment.sure.as_record(classifier.labels)}
    return record | names | seen | of_measures(labelled, assessment.strangers, assessment.none) | sure


def _seen(assessment: Assessment) -> dict:
    """How many of the photos training has seen; "proven" if their contents show it, else their places may."""
    exposed, splits = assessment.exposed, assessment.measures.judged.splits
    return {
        "proven": exposed.proven,
        **{use: splits.count(use) for use in (TRAINING, VALIDATION)},
        "left_out": len(exposed.left_out),
    }


def of_measures(measures: Measures, strangers: Strangers | None = None, none: Strangers | None = None) -> dict:
    record = accuracy.as_record(measures.results, measures.judged.labels)
    for name, photos in (("strangers", strangers), ("none_photos", none)):
        if photos is not None:
            record[name] = {"photos": len(photos), "turned_away": photos.away}
    overall = measures.overall
    if overall is None:
        return record
    for each in measures.per_label:
        record["per_label"][each.label].update(
            guessed=each.guessed, precision=each.precision, recall=each.recall, f1=each.f1
        )
    record["cross_entropy"] = overall.cross_entropy
    if overall.top_5 is not None:
        record["top_5_accuracy"] = overall.top_5
    record["macro"] = {
        "precision": measures.macro_precision,
        "recall": measures.macro_recall,
        "f1": measures.macro_f1,
    }
    record["calibration_error"] = overall.calibration.error
    record["calibration_error_by_chance"] = overall.calibration.error_by_chance
    record["calibration_bins"] = [
        {
            "above": each.low,
            "to": each.high,
            "photos": each.photos,
            "mean_score": each.mean_score,
            "accuracy": each.accuracy,
        }
        for each in overall.calibration.bins
    ]
    record["labels"] = list(measures.judged.labels)
    record["confusion"] = measures.confusion.tolist()
    if measures.turned_away is not None:
        record["turned_away"] = measures.turned_away.by_mistake
        record["accuracy_of_answered"] = measures.turned_away.answered.accuracy
    return record
