"""Compares the final layer with scikit-learn's logistic regression on the same bottlenecks, by cross-validation.

    python -m benchmarks.final_layer --photos=tf_files/flower_photos

Each photo is judged once, by a classifier trained without it. The regression gets the same training photos, with three
strengths of regularisation. Prints a Markdown table.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.tools import shared_flags
from benchmarks.tools.study import Study, share
from scripts.classifier.training.examples import Examples
from scripts.console import command_line

FLAGS = shared_flags.FLAGS
shared_flags.define_network()
shared_flags.define_folds()

_STRENGTHS = (0.1, 1.0, 10.0)  # scikit-learn's C: smaller regularises more, 1 is its default


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    right: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as temporary:
        study = shared_flags.study(Path(temporary))
        for number, held_out in enumerate(study.deal(FLAGS.folds), 1):
            print(f"fold {number} of {FLAGS.folds}", file=sys.stderr, flush=True)
            for name, count in _right(study, held_out).items():
                right[name] = right.get(name, 0) + count
    total = len(study.lists.photos)
    print(study.title(FLAGS.folds), end="\n\n")
    print("| classifier | accuracy | 95 % interval |\n|---|--:|--:|")
    for name, count in right.items():
        print(f"| {name} | {share(count, total)} |")


def _right(study: Study, held_out: np.ndarray) -> dict[str, int]:
    """How many of these photos each classifier gets right after training on the others."""
    from sklearn.linear_model import LogisticRegression

    training, validation = (study.examples(rows) for rows in study.rest(held_out))
    testing = study.examples(held_out)
    seen, unseen = _vectors(training), _vectors(testing)
    layer = study.learn(training, validation).layer
    right = {"the final layer": int((layer.probabilities(unseen).argmax(1) == testing.labels).sum())}
    for strength in _STRENGTHS:
        regression = LogisticRegression(C=strength, max_iter=10_000).fit(seen, training.labels)
        right[f"logistic regression, C = {strength:g}"] = int((regression.predict(unseen) == testing.labels).sum())
    return right


def _vectors(examples: Examples) -> np.ndarray:
    return examples.vectors.take(np.arange(len(examples)))


if __name__ == "__main__":
    command_line.run(main)
