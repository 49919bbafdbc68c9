"""Assesses a classifier by its answers to the chosen photos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..formats.classifiers import Classifier
from ..showing import Show
from . import findings, near_duplicates, perceptual_hash
from .exposure import Exposure
from .findings import Findings
from .judged import Judged, Strangers
from .looking import Looked
from .measures import Measures
from .selection import Selection
from .sure_measures import SureMeasures


@dataclass(frozen=True)
class Assessment:
    classifier: Classifier
    chosen: Selection
    everything: Judged  # all photos of known labels that were looked at, with the labels' display names
    bottlenecks: np.ndarray | None  # of everything, [photos, values]
    measures: Measures  # of the photos to judge by
    exposed: Exposure
    strangers: Strangers | None
    sure: SureMeasures | None  # None: not asked for
    none: Strangers | None = None  # test photos of --none_dir

    def find(self, show: Show) -> Findings:
        """Finds the photos worth a look. Reads all of them again, to compare them with each other."""
        photos = self.everything
        with show(len(photos)) as advance:
            hashes = perceptual_hash.of_photos(self.chosen.lists.image_dir, photos.paths, advance)
        near = near_duplicates.find(hashes, photos.splits, photos.truth, self.bottlenecks)
        return findings.find(self.measures.judged, photos, near)


def assess(
    classifier: Classifier,
    chosen: Selection,
    exposed: Exposure,
    looked: Looked,
    sure: float | None = None,
    none: Strangers | None = None,
) -> Assessment:
    """`sure` is the percentage of sets that shall hold the right label; None: no sets are measured."""
    known = looked.rows(lambda photo: photo.label is not None)
    everything = _judged(classifier, looked, known)
    wanted = {photo.path for photo in exposed.measured}
    judged = everything.at(np.array([row for row, path in enumerate(everything.paths) if path in wanted], np.int64))
    strangers = looked.rows(lambda photo: photo.label is None and photo.path in wanted)
    return Assessment(
        classifier,
        chosen,
        everything,
        None if looked.bottlenecks is None else looked.bottlenecks[known],
        Measures(judged),
        exposed,
        _strangers(chosen, looked, strangers),
        None if sure is None else SureMeasures(judged, classifier.sure, sure),
        none,
    )


def _judged(classifier: Classifier, looked: Looked, rows: np.ndarray) -> Judged:
    photos = [looked.photos[row] for row in rows]
    return Judged(
        classifier.names,
        [photo.path for photo in photos],
        np.array([photo.label for photo in photos], np.int64),
        looked.scores[rows],
        [photo.split for photo in photos],
        None if looked.unknown is None else looked.unknown[rows],
    )


def _strangers(chosen: Selection, looked: Looked, rows: np.ndarray) -> Strangers | None:
    """Photos of none of the labels; None if there are none, or if the classifier was not asked to say unknown."""
    if looked.unknown is None or not len(rows):
        return None
    paths = [looked.photos[row].path for row in rows]
    return Strangers(chosen.lists.image_dir, paths, looked.scores[rows], looked.unknown[rows])
