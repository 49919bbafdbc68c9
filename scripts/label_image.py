"""Says what is on pictures.

    python -m scripts.label_image --graph=tf_files/retrained_graph.pb --image=some.jpg

--image takes files, folders and patterns such as 'photos/*.jpg', several of them with commas between or
as further words. How a picture is prepared is known from the graph; the flags about it are for graphs
from elsewhere.
"""

import csv
import glob
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from absl import flags

from scripts import command_line
from scripts.classifier import classifiers, photo_folders
from scripts.classifier.errors import UserError

FLAGS = flags.FLAGS
flags.DEFINE_multi_string("image", [], "A picture, a folder of pictures or a pattern; may be given several times.")
flags.DEFINE_string("graph", "tf_files/retrained_graph.pb", "The classifier, as retrain wrote it.")
flags.DEFINE_string("labels", None, "Its labels, one a line; default: the file that retrain wrote beside it.")
flags.DEFINE_integer("top_k", 5, "How many labels are printed for a picture.", 1)
flags.DEFINE_bool("json", False, "Print JSON.")
flags.DEFINE_bool("csv", False, "Print CSV: image, rank, label, score.")
flags.DEFINE_integer("input_height", None, "Height of what the graph takes; default: as the graph says.", 1)
flags.DEFINE_integer("input_width", None, "Width of what the graph takes; default: as the graph says.", 1)
flags.DEFINE_float("input_mean", None, "Subtracted from pixels of 0 to 255; default: as the graph's record says.")
flags.DEFINE_float("input_std", None, "What the difference is divided by; default: as the graph's record says.")
flags.DEFINE_string("input_layer", None, "The node that takes pictures; default: as the graph's record says.")
flags.DEFINE_string("output_layer", None, "The node that gives scores; default: as the graph's record says.")


def main(positional: list[str]) -> int:
    if FLAGS.json and FLAGS.csv:
        raise UserError("--json and --csv: choose one of them")
    pictures = list(_pictures([*FLAGS.image, *positional]))
    overrides = classifiers.Overrides(
        FLAGS.input_height, FLAGS.input_width, FLAGS.input_mean, FLAGS.input_std, FLAGS.input_layer, FLAGS.output_layer
    )
    labels = None if FLAGS.labels is None else Path(FLAGS.labels)
    classifier = classifiers.load(Path(FLAGS.graph), labels, overrides, len(pictures))
    print_one = _json_printer() if FLAGS.json else _csv_printer() if FLAGS.csv else _text_printer(len(pictures) > 1)
    unreadable = 0
    for path, scores in classifier.label(pictures):
        if isinstance(scores, str):
            unreadable += 1
            print(f"error: {path}: {scores}", file=sys.stderr, flush=True)
        else:
            print_one(path, [(classifier.labels[at], float(scores[at])) for at in np.argsort(-scores)[: FLAGS.top_k]])
    return 1 if unreadable else 0


def _pictures(words: list[str]) -> Iterator[Path]:
    """What the words mean: files, all pictures in folders and below, and what patterns match."""
    if not words:
        raise UserError("no picture given: say --image=FILE, a folder, or a pattern such as 'photos/*.jpg'")
    for word in words:
        # A name may itself hold commas, so only what does not exist is taken apart.
        for part in [word] if Path(word).exists() else word.split(","):
            found = [part] if Path(part).exists() else sorted(glob.glob(part, recursive=True))
            if not found:
                raise UserError(f"{part} does not exist: --image takes files, folders and patterns like 'photos/*.jpg'")
            for name in found:
                path = Path(name)
                yield from photo_folders.pictures_below(path) if path.is_dir() else [path]


def _text_printer(named: bool):
    """The original's form; with several pictures each under its name."""

    def print_one(path: Path, scores: list[tuple[str, float]]) -> None:
        if named:
            print(path)
        for label, score in scores:
            print(f"{label} (score={score:.5f})")
        if named:
            print()

    return print_one


def _json_printer():
    """One object a line, so that a reader need not wait for the last picture."""

    def print_one(path: Path, scores: list[tuple[str, float]]) -> None:
        ranked = [{"label": label, "score": round(score, 6)} for label, score in scores]
        print(json.dumps({"image": str(path), "labels": ranked}, ensure_ascii=False))

    return print_one


def _csv_printer():
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["image", "rank", "label", "score"])

    def print_one(path: Path, scores: list[tuple[str, float]]) -> None:
        for rank, (label, score) in enumerate(scores, 1):
            writer.writerow([path, rank, label, f"{score:.6f}"])

    return print_one


if __name__ == "__main__":
    command_line.run(main)
