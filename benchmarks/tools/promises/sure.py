"""Sure answers: how many hold the right label, and how many labels they have."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.tools.promises import judged_folds
from benchmarks.tools.promises.judged_folds import Fold
from benchmarks.tools.study import Study, share
from scripts.classifier.formats import classifiers, kinds
from scripts.classifier.formats.answers import Answer
from scripts.classifier.formats.model import Wishes

_PERCENTAGES = (80, 90, 95, 99)
_SAMPLES = 100  # photos from which int8 learns its ranges
_HEADINGS = (
    "classifier | promised | right label in the answer | 95 % interval | lowest label | labels in an answer | answers "
    "of one label | first label right"
)


def measure(study: Study, folds: int) -> list[str]:
    plain = judged_folds.plain(study, folds)
    return [
        *headings(),
        *rows("final layer", plain),
        *rows("`--hidden_units=100`", judged_folds.hidden(study, folds)),
        *rows("final layer, .tflite in int8, first fold", [_in_int8(study, plain[0], next(study.deal(folds)))]),
    ]


def headings() -> list[str]:
    return [f"| {_HEADINGS} |", f"|---|{'--:|' * 7}"]


def rows(name: str, folds: Sequence[Fold]) -> list[str]:
    """A row for each promise that every fold had enough validation photos for."""
    possible = [percent for percent in _PERCENTAGES if all(fold.sure.promises(percent) for fold in folds)]
    return [_row(name, folds, percent) for percent in possible]


def _row(name: str, folds: Sequence[Fold], percent: float) -> str:
    truth = np.concatenate([fold.truth for fold in folds])
    sets = [fold.sure.members(scores, percent) for fold in folds for scores in fold.after]
    covered = np.array([label in members for label, members in zip(truth, sets, strict=True)])
    sizes = np.array([len(members) for members in sets])
    first = np.array([members[0] for members in sets])
    lowest = min(covered[truth == label].mean() for label in np.unique(truth))
    cells = [
        f"{percent} %",
        share(int(covered.sum()), len(covered)),
        f"{100 * lowest:.1f} %",
        f"{sizes.mean():.2f}",
        f"{100 * (sizes == 1).mean():.1f} %",
        f"{100 * (first == truth).mean():.1f} %",
    ]
    return f"| {name} | {' | '.join(cells)} |"


def _in_int8(study: Study, fold: Fold, held_out: np.ndarray) -> Fold:
    """The same photos, scored by the classifier as int8 writes it; what it promises is the graph's record."""
    contents = study.contents(fold.calibrated.layer)
    path, take = Path(study.folder / "int8.tflite"), contents.preprocessing
    training = fold.calibrated.sets.training.paths[:_SAMPLES]
    samples = (take.apply((study.photos / picture).read_bytes()) for picture in training)
    kinds.write(kinds.TFLITE, path, contents, "int8", samples)
    classifier = classifiers.load(path, None, Wishes(pictures=len(held_out)))
    pictures = [study.photos / picture for picture in fold.calibrated.sets.testing.paths]
    answers = [answer for _, answer in classifier.label(pictures) if isinstance(answer, Answer)]
    scores = np.stack([answer.scores for answer in answers])
    return Fold(scores, scores, fold.truth, fold.sure, fold.temperature, fold.calibrated)
