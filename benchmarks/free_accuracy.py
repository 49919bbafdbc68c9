"""Measures the gain and the cost of several views, earlier layers and a hidden layer, by cross-validation.

    python -m benchmarks.free_accuracy --photos=tf_files/flower_photos

All are judged on the same folds, each photo by a classifier trained without it, so they are compared photo by photo.
Prints a Markdown table.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.tools import figures, shared_flags
from benchmarks.tools.study import gain, share
from scripts.classifier.backbones import several_views, table
from scripts.console import command_line, flags

_HIDDEN_UNITS = 100

FLAGS = flags.FLAGS
shared_flags.define_network()
shared_flags.define_folds()
flags.DEFINE_integer("rounds", 20, "Number of times each network is timed.", 1)


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as temporary:
        studies = {
            _name(bottleneck, views): shared_flags.study(Path(temporary), bottleneck, views)
            for views in several_views.COUNTS
            for bottleneck in table.BOTTLENECKS
        }
        hidden = (_HIDDEN_UNITS,)
        studies |= {
            _name(each.bottleneck, each.views, hidden): replace(each, hidden_units=hidden)
            for each in list(studies.values())
            if each.bottleneck == table.LAST
        }
        right = {}
        for name, study in studies.items():
            print(name, file=sys.stderr, flush=True)
            right[name] = study.right(FLAGS.folds)
        times = figures.alternated({name: study.timer() for name, study in studies.items()}, FLAGS.rounds)
    first = next(iter(studies))
    print(studies[first].title(FLAGS.folds), end="\n\n")
    print("| | values | ms per photo | accuracy | 95 % interval | gain, with its 95 % interval |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, study in studies.items():
        gained = gain(right[name], right[first]) if name != first else ""
        print(
            f"| {name} | {study.backbone.bottleneck_size:,} | {np.median(times[name]):.2f} | "
            f"{share(int(right[name].sum()), len(right[name]))} | {gained} |"
        )


def _name(bottleneck: str, views: int, hidden_units: tuple[int, ...] = ()) -> str:
    """retrain's flags for the same."""
    given = [f"--views={views}"] * (views > 1) + [f"--bottleneck={bottleneck}"] * (bottleneck != table.LAST)
    given += [f"--hidden_units={units}" for units in hidden_units]
    return " ".join(given) or "one view"


if __name__ == "__main__":
    command_line.run(main)
