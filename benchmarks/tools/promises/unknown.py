"""How many photos of the labels stay known, and how many near and far things are called unknown."""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.tools.promises import strangers
from benchmarks.tools.study import Study
from scripts.classifier.training import learning_unknown


def measure(study: Study, folds: int) -> list[str]:
    """Limits come from the validation photos of a fold; its held-out photos and all strangers judge."""
    others = {"near": strangers.near(study), "far": strangers.far(study)}
    known: list[float] = []
    away: dict[str, list[float]] = {name: [] for name in others}
    sizes = []
    for number, (training, validation, testing) in enumerate(strangers.folds(study, folds), 1):
        print(f"unknown: fold {number} of {folds}", file=sys.stderr, flush=True)
        tells = learning_unknown.learn(training, validation, strangers.KEPT, 0)
        assert tells is not None, "every fold has validation photos"
        sizes.append(len(tells.to_bytes()) / 1000)
        known.append(learning_unknown.count_away(tells, testing) / len(testing))
        for name, pictures in others.items():
            if pictures is not None:
                away[name].append(float((tells.distances(pictures.vectors) > 1).mean()))
    rows = [strangers.row("of the labels, held out", len(study.lists.photos), known)]
    for name, pictures in others.items():
        if pictures is not None:
            rows.append(strangers.row(f"{name}: {_described(pictures)}", len(pictures.vectors), away[name]))
    return [*strangers.HEADINGS, *rows, "", f"The data takes {np.mean(sizes):.0f} kB."]


def _described(pictures: strangers.Strangers) -> str:
    return f"{len(np.unique(pictures.kinds))} kinds"
