"""Compares the ways in which photos become squares (--fit), by cross-validation.

    python -m benchmarks.fits --photos=tf_files/flower_photos

All are judged on the same folds, each photo by a classifier trained without it, so they are compared photo by photo:
crop and pad with squeeze, for one view and for four. Prints a Markdown table.
"""

import sys
import tempfile
from pathlib import Path

from benchmarks.tools import shared_flags
from benchmarks.tools.study import gain, share
from scripts.classifier.backbones import several_views
from scripts.classifier.photos import fitting
from scripts.console import command_line, flags

FLAGS = flags.FLAGS
shared_flags.define_network()
shared_flags.define_folds()


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    rows, title = [], ""
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as temporary:
        for views in several_views.COUNTS:
            right = {}
            for fit in fitting.FITS:
                name = " ".join([f"--fit={fit}"] + [f"--views={views}"] * (views > 1))
                print(name, file=sys.stderr, flush=True)
                study = shared_flags.study(Path(temporary), views=views, fit=fit)
                right[fit] = study.right(FLAGS.folds)
                gained = gain(right[fit], right[fitting.SQUEEZE]) if fit != fitting.SQUEEZE else ""
                rows.append(f"| `{name}` | {share(int(right[fit].sum()), len(right[fit]))} | {gained} |")
                title = study.title(FLAGS.folds)
    print(title, end="\n\n")
    print("| | accuracy | 95 % interval | gain, with its 95 % interval |")
    print("|---|--:|--:|--:|")
    print("\n".join(rows))


if __name__ == "__main__":
    command_line.run(main)
