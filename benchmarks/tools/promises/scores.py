"""Scores mean what they say: the calibration error before and after, beside what chance alone would show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.tools.promises import judged_folds
from benchmarks.tools.promises.judged_folds import Fold
from benchmarks.tools.study import Study
from scripts.classifier.judging.calibration import Calibration

_DRAWS = 1000
_HEADINGS = (
    "classifier | calibration error before | after | by chance | in 19 of 20 cases by chance below | cross entropy "
    "before | after | temperatures"
)


def measure(study: Study, folds: int) -> list[str]:
    return [
        *headings(),
        row("final layer", judged_folds.plain(study, folds)),
        row("`--hidden_units=100`", judged_folds.hidden(study, folds)),
    ]


def headings() -> list[str]:
    return [f"| {_HEADINGS} |", f"|---|{'--:|' * 7}"]


def row(name: str, folds: Sequence[Fold]) -> str:
    """All photos together, each judged by a classifier that never saw it."""
    truth = np.concatenate([fold.truth for fold in folds])
    before, after = (np.concatenate([getattr(fold, which) for fold in folds]) for which in ("before", "after"))
    assert (before.argmax(1) == after.argmax(1)).all(), "no first label changes"
    chance = _by_chance(after.max(axis=1))
    cells = [
        _percent(_error(before, truth)),
        _percent(_error(after, truth)),
        _percent(float(chance.mean())),
        _percent(float(np.quantile(chance, 0.95))),
        f"{_cross_entropy(before, truth):.4f}",
        f"{_cross_entropy(after, truth):.4f}",
        ", ".join(f"{fold.temperature:.2f}" for fold in folds),
    ]
    return f"| {name} | {' | '.join(cells)} |"


def _error(scores: np.ndarray, truth: np.ndarray) -> float:
    return Calibration(scores.max(axis=1), scores.argmax(axis=1) == truth).error


def _by_chance(top: np.ndarray) -> np.ndarray:
    """The errors of scores that mean exactly what they say."""
    random = np.random.default_rng(0)
    return np.array([Calibration(top, random.random(len(top)) < top).error for _ in range(_DRAWS)])


def _cross_entropy(scores: np.ndarray, truth: np.ndarray) -> float:
    return float(-np.log(scores[np.arange(len(truth)), truth].astype(np.float64).clip(1e-30)).mean())


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
