"""The same of classifiers whose network was trained too: fine-tuned, and from nothing. Takes long."""

from __future__ import annotations

from benchmarks.tools.promises import judged_folds, scores, sure
from benchmarks.tools.study import Study


def measure(study: Study, folds: int) -> list[str]:
    found = {
        "fine-tuned for 100 steps": judged_folds.fine_tuned(study, folds),
        "train_cnn, 64 pixels, 10 epochs": judged_folds.from_nothing(study, folds),
    }
    lines = [*scores.headings(), *(scores.row(name, each) for name, each in found.items()), "", *sure.headings()]
    return lines + [row for name, each in found.items() for row in sure.rows(name, each)]
