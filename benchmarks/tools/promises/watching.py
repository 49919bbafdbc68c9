"""How often recent pictures are said to differ from the test photos: when they do not, and when something new is shown.

For each fold, one label is left out of training. Half of the other held-out photos are the test photos; the other half
are the pictures in use, and among them come more and more photos of the label that was left out.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from benchmarks.tools.study import Study
from scripts.classifier.drawing.percent import percent
from scripts.classifier.judging import drift
from scripts.classifier.judging.drift import Tally
from scripts.classifier.photos.image_lists import TESTING
from scripts.classifier.training import learning_unknown
from scripts.classifier.training.examples import Examples
from scripts.classifier.training.expected import Expected
from scripts.classifier.training.final_layer import FinalLayer
from scripts.classifier.training.unknown import Unknown

_PICTURES, _WINDOWS = 200, 400
_NEW = (0.0, 0.1, 0.2, 0.3, 0.5)
_KEPT = 0.95  # as retrain does by default


def measure(study: Study, folds: int) -> list[str]:
    noted: dict[float, Counter[str]] = {share: Counter() for share in _NEW}
    labels, label_of = study.lists.labels, study.examples(np.arange(len(study.lists.photos))).labels
    tests = []
    for fold, held_out in enumerate(study.deal(folds)):
        left_out = fold % len(labels)
        training, validation, testing = (
            study.examples(rows[label_of[rows] != left_out]) for rows in (*study.rest(held_out), held_out)
        )
        layer = study.learn(training, validation).layer
        tells = learning_unknown.learn(training, validation, _KEPT, 0)
        assert tells is not None, "there are validation photos"
        new = study.examples(np.flatnonzero(label_of == left_out))
        _count(noted, _answers(layer, tells, testing), _answers(layer, tells, new), labels)
        tests.append(len(testing) // 2)
    windows = folds * _WINDOWS
    return [
        f"{windows:,} times {_PICTURES} pictures, beside {min(tests)} to {max(tests)} test photos.",
        "",
        "| pictures of a new kind | a note | about unknown | about the score | about labels |",
        "|--:|--:|--:|--:|--:|",
        *(_row(share, noted[share], windows) for share in _NEW),
    ]


def _answers(layer: FinalLayer, tells: Unknown, examples: Examples) -> np.ndarray:
    """[photos, 3]: label, highest score, unknown."""
    vectors = examples.vectors.take(np.arange(len(examples)))
    scores = layer.probabilities(vectors)
    return np.stack([scores.argmax(axis=1), scores.max(axis=1), tells.distances(vectors) > 1], axis=1)


def _count(noted: dict[float, Counter[str]], known: np.ndarray, new: np.ndarray, labels: tuple[str, ...]) -> None:
    """Deals test photos and pictures in use anew each time, so that they differ by chance alone."""
    random = np.random.default_rng(0)
    for share, ways in noted.items():
        strange = round(share * _PICTURES)
        for _ in range(_WINDOWS):
            tests, in_use = np.array_split(random.permutation(known), 2)
            window = np.concatenate([in_use[: _PICTURES - strange], random.permutation(new)[:strange]])
            found = {each.way for each in drift.compare(_tally(window, len(labels)), _expected(tests, labels))}
            ways.update({*found, "any"} if found else ())


def _tally(answers: np.ndarray, labels: int) -> Tally:
    guesses, tops, unknown = answers.T
    return Tally.of(guesses.astype(int).tolist(), tops.tolist(), (unknown > 0).tolist(), labels)


def _expected(answers: np.ndarray, labels: tuple[str, ...]) -> Expected:
    tally, count = _tally(answers, len(labels)), len(answers)
    shares = dict(zip(labels, (tally.counts / count).tolist(), strict=True))
    tops = answers[:, 1]
    return Expected(TESTING, count, float(answers[:, 2].mean()), float(tops.mean()), float(tops.std()), shares)


def _row(share: float, ways: Counter[str], windows: int) -> str:
    cells = [percent(ways[way] / windows) for way in ("any", drift.UNKNOWN, drift.SCORE, drift.LABELS)]
    return f"| {percent(share, 0)} | {' | '.join(cells)} |"
