"""Picks the photos worth a look: mistakes, close calls, and labels that may be wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..photos.image_lists import TRAINING
from .judged import Judged
from .near_duplicates import NearIdentical

# A photo is called uncertain if its two highest scores are closer than this.
CLOSE_SCORES = 0.2

# A label is worth a look only if its own score is below this. Measured by cross-validation with 10 % of the labels
# swapped on purpose (mobilenet_0.25_224): of 500 photos of five flowers it reports 31, 21 of them swapped; of 1,000
# CIFAR-10 photos, of which the classifier gets only 54 % right, 53, 26 of them swapped. A comparison with the mean over
# all photos of a label would report 56 and 150. Among training photos, whose labels were learned, most stay hidden.
LOW_SCORE = 0.1
# Another label is suggested only from this score on. That loses none of the above, and keeps the lists of weak
# classifiers short.
HIGH_SCORE = 0.5


@dataclass(frozen=True)
class Suspicion:
    """A photo whose label is worth a look."""

    row: int
    suggested: int  # the label with its highest score, as an index


@dataclass(frozen=True)
class Findings:
    """Rows of photos: mistakes and uncertain ones are rows of `tested`, all others of `everything`."""

    tested: Judged
    mistakes: np.ndarray
    uncertain: np.ndarray
    everything: Judged
    suspicions: list[Suspicion]
    near: NearIdentical | None  # None: not searched for


def find(tested: Judged, everything: Judged | None = None, near: NearIdentical | None = None) -> Findings:
    """The rows in `near` are rows of `everything`, which defaults to `tested`."""
    everything = tested if everything is None else everything
    return Findings(
        tested, worst_mistakes(tested), least_certain(tested), everything, suspicious_labels(everything), near
    )


def worst_mistakes(judged: Judged) -> np.ndarray:
    """The rows of photos it got wrong, the surest mistake first."""
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
    """Photos whose label is worth a look, the strongest case first.

    This is confident learning with a strict threshold: the classifier gives the photo's own label hardly any score,
    and is as sure of another as it typically is of photos that it rightly gives that label. Training photos, whose
    labels it has learned, are compared with training photos, and all others with each other.
    """
    learned = np.array([split == TRAINING for split in judged.splits], bool)
    found = [each for rows in (np.flatnonzero(~learned), np.flatnonzero(learned)) for each in _suspects(judged, rows)]
    return sorted(found, key=lambda each: -_lead(judged, each))


def _suspects(judged: Judged, rows: np.ndarray) -> list[Suspicion]:
    truth, guesses, top = judged.truth[rows], judged.guesses[rows], judged.top[rows]
    # A label that no photo here was rightly given has no typical confidence, and is never suggested.
    typical = np.full(len(judged.labels), np.inf)
    for label in np.unique(truth):
        recognised = (truth == label) & (guesses == label)
        if recognised.any():
            typical[label] = top[recognised].mean(dtype=np.float64)
    own = judged.scores[rows, truth]
    hits = (guesses != truth) & (top >= typical[guesses]) & (top >= HIGH_SCORE) & (own < LOW_SCORE)
    return [Suspicion(int(rows[at]), int(guesses[at])) for at in np.flatnonzero(hits)]


def _lead(judged: Judged, suspicion: Suspicion) -> float:
    """How far the suggested label's score is above that of the photo's own label."""
    scores = judged.scores[suspicion.row]
    return float(scores[suspicion.suggested] - scores[judged.truth[suspicion.row]])
