"""Measures how good what is trained here is, by cross-validation: as it is, made smaller, and at telling the unknown.

    python -m benchmarks.quality --photos=tf_files/flower_photos --architecture=mobilenet_0.50_224 --strangers=FOLDER

Each photo is judged once, by a classifier that was trained without it. Prints Markdown tables.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks.tools import study as folds
from scripts.classifier.backbones import table
from scripts.classifier.errors import UserError
from scripts.classifier.photos import folders
from scripts.classifier.training import accuracy
from scripts.classifier.training.recipe import Recipe
from scripts.console import command_line

FLAGS = flags.FLAGS
flags.DEFINE_string("photos", "tf_files/flower_photos", "The folder of photos: one folder for each label.")
flags.DEFINE_string("model_dir", "tf_files/models", "Where pretrained networks are kept.")
flags.DEFINE_string("architecture", "mobilenet_0.50_224", "The pretrained network that photos go through.")
flags.DEFINE_integer("steps", Recipe.steps, "How many training steps are taken.", 1)
flags.DEFINE_integer("folds", 5, "Into how many parts the photos are dealt, each judged by what the others taught.", 2)
flags.DEFINE_list("strangers", [], "Folders with pictures of none of the labels.")
flags.DEFINE_float("known_photos_kept", 95, "Of 100 photos of its labels, how many should be called known.", 1, 100)


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    table.resolve(FLAGS.architecture)
    strangers = {folder: folders.pictures_below(_existing(folder)) for folder in FLAGS.strangers}
    found = folds.Found(Counter(), Counter(), {}, [], {folder: [] for folder in strangers})
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as temporary:
        study = folds.Study(
            Path(temporary),
            _existing(FLAGS.photos),
            Path(FLAGS.model_dir),
            FLAGS.architecture,
            FLAGS.steps,
            FLAGS.known_photos_kept / 100,
        )
        looks = {folder: study.vectors(pictures) for folder, pictures in strangers.items()}
        for number, held_out in enumerate(study.deal(FLAGS.folds), 1):
            print(f"fold {number} of {FLAGS.folds}", file=sys.stderr, flush=True)
            study.judge(held_out, looks, found)
    total = len(study.lists.photos)
    print(
        f"{FLAGS.architecture}, {total} photos of {len(study.lists.labels)} labels, {FLAGS.folds} folds, "
        f"{FLAGS.steps} steps",
        end="\n\n",
    )
    _print_formats(found, total)
    _print_unknown(found, looks)


def _existing(folder: str) -> Path:
    if not Path(folder).is_dir():
        raise UserError(f"{folder} is no folder: give a folder of photos")
    return Path(folder)


def _print_formats(found: folds.Found, total: int) -> None:
    print("| classifier | kB | accuracy | 95 % interval | first label as the graph's |")
    print("|---|--:|--:|--:|--:|")
    for name, right in found.right.items():
        low, high = accuracy.interval_95(right, total)
        size = np.mean(found.kilobytes[name])
        print(
            f"| {name} | {size:,.0f} | {100 * right / total:.1f} % | {100 * low:.1f} to {100 * high:.1f} % | "
            f"{100 * found.same[name] / total:.1f} % |"
        )


def _print_unknown(found: folds.Found, looks: dict[str, np.ndarray]) -> None:
    print("\n| photos | called unknown | lowest to highest fold |\n|---|--:|--:|")
    shares = {f"{FLAGS.photos}, held out": found.known_away, **found.strangers_away}
    for name, each in shares.items():
        pictures = f" ({len(looks[name])} pictures)" if name in looks else ""
        print(f"| {name}{pictures} | {100 * np.mean(each):.1f} % | {100 * min(each):.1f} to {100 * max(each):.1f} % |")


if __name__ == "__main__":
    command_line.run(main)
