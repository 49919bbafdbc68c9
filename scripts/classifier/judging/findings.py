"""Picks the photos worth a look: mistakes, doubtful ones, and labels that may be wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..photos.image_lists import TRAINING
from .judged import Judged
from .near_duplicates import NearIdentical

# The two highest scores are that close in a photo that is called uncertain.
CLOSE_SCORES = 0.2

# A label is suspected only where its own score is below this. Measured on 2,922 photos of five flowers with labels
# swapped on purpose, mobilenet_0.25_224: of 3 % swapped ones it finds 73 % among photos that were held out, where half
# of those it names are swapped (of the others some are truly mislabelled); with 10 % swapped, 65 % and three of four.
# Among training photos, whose labels were learnt with them, it finds a third; of 400 photos, next to none.
LOW_SCORE = 0.1


@dataclass(frozen=True)
class Suspicion:
    """A photo whose label looks wrong."""

    row: int
    suggested: int  # the label that it looks like, as an index


@dataclass(frozen=True)
class Findings:
    """Rows of photos: of `tested` for the first two, of `everything` for what is in all sets."""

    tested: Judged
    mistakes: np.ndarray
    uncertain: np.ndarray
    everything: Judged
    suspicions: list[Suspicion]
    near: NearIdentical | None  # None: was not looked for


def find(tested: Judged, everything: Judged | None = None, near: NearIdentical | None = None) -> Findings:
    """`near` speaks about rows of `everything`, which is `tested` where nothing else is given."""
    everything = tested if everything is None else everything
    return Findings(
        tested, worst_mistakes(tested), least_certain(tested), everything, suspicious_labels(everything), near
    )


def worst_mistakes(judged: Judged) -> np.ndarray:
    """The rows of photos that were taken for something else, the surest mistake first."""
    wrong = np.flatnonzero(~judged.right)
    return wrong[np.argsort(-judged.top[wrong], kind="stable")]


def least_certain(judged: Judged) -> np.ndarray:
    """The rows of photos whose two highest scores are close, the closest first."""
    if len(judged.labels) < 2 or not len(judged):
        return np.empty(0, np.int64)
    highest = np.partition(judged.scores, -2, axis=1)[:, -2:]
    margins = highest[:, 1] - highest[:, 0]
    return np.argsort(margins, kind="stable")[: np.count_nonzero(margins < CLOSE_SCORES)]


def suspicious_labels(judged: Judged) -> list[Suspicion]:
    """Photos that another label fits as well as it fits its own photos, and their own hardly; the least fitting first.

    That is the rule of confident learning: each label has its own threshold, the mean score that its photos have for
    it, so that a label which the classifier is always careful about is not overlooked. Training photos, which the
    classifier has seen with their labels, are measured against training photos, the others against the others.
    """
    learnt = np.array([split == TRAINING for split in judged.splits], bool)
    found = [each for rows in (np.flatnonzero(~learnt), np.flatnonzero(learnt)) for each in _suspects(judged, rows)]
    return sorted(found, key=lambda each: -_lead(judged, each))


def _suspects(judged: Judged, rows: np.ndarray) -> list[Suspicion]:
    scores, truth = judged.scores[rows], judged.truth[rows]
    # A label without a photo here gives nothing to compare with, and is never suggested.
    thresholds = np.full(len(judged.labels), np.inf)
    for label in np.unique(truth):
        thresholds[label] = scores[truth == label, label].mean(dtype=np.float64)
    fitting = np.where(scores >= thresholds, scores, -1)
    suggested = fitting.argmax(axis=1)
    own = scores[np.arange(len(rows)), truth]
    hits = (fitting.max(axis=1, initial=-1) >= 0) & (suggested != truth) & (own < LOW_SCORE)
    return [Suspicion(int(rows[at]), int(suggested[at])) for at in np.flatnonzero(hits)]


def _lead(judged: Judged, suspicion: Suspicion) -> float:
    """By how much the suggested label's score is above the given one's."""
    scores = judged.scores[suspicion.row]
    return float(scores[suspicion.suggested] - scores[judged.truth[suspicion.row]])
