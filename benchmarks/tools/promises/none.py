"""What photos of none of the labels (--none_dir) gain on kinds of things that are not among them."""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.tools.promises import strangers
from benchmarks.tools.study import Study
from scripts.classifier.errors import UserError
from scripts.classifier.training import learning_unknown

_GIVEN = 60  # photos, of which a tenth is kept for testing, as retrain does
_LEARNED = 54
_DRAWS = 2  # of kinds for each fold


def measure(study: Study, folds: int) -> list[str]:
    """The photos given are of two thirds of the near kinds; those of the other third judge."""
    near, far = strangers.near(study), strangers.far(study)
    if near is None:
        raise UserError("--only=none needs --near: give a folder with a folder of pictures for each kind")
    kinds = np.unique(near.kinds)
    shares: dict[tuple[str, str], list[float]] = {}
    random = np.random.default_rng(0)
    for number, (training, validation, testing) in enumerate(strangers.folds(study, folds), 1):
        print(f"none: fold {number} of {folds}", file=sys.stderr, flush=True)
        without = learning_unknown.learn(training, validation, strangers.KEPT, 0)
        for _ in range(_DRAWS):
            order = random.permutation(kinds)
            given = random.permutation(near.of(order[: 2 * len(kinds) // 3]))[:_LEARNED]
            judging = near.of(order[2 * len(kinds) // 3 :])
            taught = learning_unknown.learn(training, validation, strangers.KEPT, 0, near.vectors[given])
            for how, tells in (("without", without), ("with", taught)):
                assert tells is not None, "every fold has validation photos"
                away = learning_unknown.count_away(tells, testing) / len(testing)
                shares.setdefault(("of the labels, held out", how), []).append(away)
                pictures = {"near, of kinds not among those given": near.vectors[judging]}
                if far is not None:
                    pictures["far"] = far.vectors
                for what, vectors in pictures.items():
                    shares.setdefault((what, how), []).append(float((tells.distances(vectors) > 1).mean()))
    rows = []
    for what in dict.fromkeys(what for what, _ in shares):
        before, after = (100 * np.array(shares[what, how]) for how in ("without", "with"))
        rows.append(
            f"| {what} | {before.mean():.1f} % | {after.mean():.1f} % | {after.min():.0f} to {after.max():.0f} % |"
        )
    return [
        f"{_GIVEN} photos of {2 * len(kinds) // 3} of {len(kinds)} near kinds, {_DRAWS} draws for each fold:",
        "",
        "| photos | called unknown without them | with them | lowest to highest |",
        "|---|--:|--:|--:|",
        *rows,
    ]
