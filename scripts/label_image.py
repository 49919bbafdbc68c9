"""Says what is on pictures.

    python -m scripts.label_image --graph=tf_files/retrained_graph.pb --image=some.jpg

--image takes files, folders and patterns such as 'photos/*.jpg', several of them with commas between or
as further words. --graph takes every format that export writes, and graphs that TensorFlow 1 left behind.
How a picture is prepared is known from there; the flags about it are for what comes from elsewhere.
"""

import csv
import glob
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from scripts import command_line, flags, input_flags
from scripts.classifier import classifiers, photo_folders, unknown
from scripts.classifier.classifiers import Answer
from scripts.classifier.errors import UserError
from scripts.classifier.formats.model import Wishes

# A label and its score; photos of none of the labels have no score for that.
Ranked = list[tuple[str, float | None]]

FLAGS = flags.FLAGS
flags.DEFINE_multi_string("image", [], "A picture, a folder of pictures or a pattern; may be given several times.")
flags.DEFINE_string("graph", "tf_files/retrained_graph.pb", "The classifier, as retrain or export wrote it.")
flags.DEFINE_string("labels", None, "Its labels, one a line; default: those it carries or has beside it.")
flags.DEFINE_integer("top_k", 5, "How many labels are printed for a picture.", 1)
flags.DEFINE_bool("unknown", False, "Say `unknown` of pictures that are far from all that it was trained on.")
flags.DEFINE_bool("json", False, "Print JSON.")
flags.DEFINE_bool("csv", False, "Print CSV: image, rank, label, score.")


def main(positional: list[str]) -> int:
    if FLAGS.json and FLAGS.csv:
        raise UserError("--json and --csv: choose one of them")
    pictures = list(_pictures([*FLAGS.image, *positional]))
    said = input_flags.overrides()
    labels = None if FLAGS.labels is None else Path(FLAGS.labels)
    classifier = classifiers.load(Path(FLAGS.graph), labels, Wishes(said, len(pictures)), FLAGS.unknown)
    if classifier.model.note:
        print(f"note: {classifier.model.note}", file=sys.stderr)
    print_one = _json_printer() if FLAGS.json else _csv_printer() if FLAGS.csv else _text_printer(len(pictures) > 1)
    unreadable = 0
    for path, answer in classifier.label(pictures):
        if isinstance(answer, str):
            unreadable += 1
            print(f"error: {path}: {answer}", file=sys.stderr, flush=True)
        else:
            print_one(path, answer, _ranked(answer, classifier.labels))
    return 1 if unreadable else 0


def _ranked(answer: Answer, labels: tuple[str, ...]) -> Ranked:
    best = np.argsort(-answer.scores, kind="stable")[: FLAGS.top_k]
    return [(labels[at], float(answer.scores[at])) for at in best]


def _with_unknown(answer: Answer, ranked: Ranked) -> Ranked:
    """Where it applies, `unknown` comes first."""
    return [(unknown.NAME, None), *ranked][: FLAGS.top_k] if answer.unknown else ranked


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

    def print_one(path: Path, answer: Answer, ranked: Ranked) -> None:
        if named:
            print(path)
        for label, score in _with_unknown(answer, ranked):
            print(f"{label} (distance={answer.distance:.2f})" if score is None else f"{label} (score={score:.5f})")
        if named:
            print()

    return print_one


def _json_printer():
    """One object a line, so that a reader need not wait for the last picture."""

    def print_one(path: Path, answer: Answer, ranked: Ranked) -> None:
        told = {} if answer.distance is None else {"unknown": answer.unknown, "distance": round(answer.distance, 4)}
        labels = [{"label": label, "score": round(score, 6)} for label, score in ranked]
        print(json.dumps({"image": str(path), **told, "labels": labels}, ensure_ascii=False))

    return print_one


def _csv_printer():
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["image", "rank", "label", "score"])

    def print_one(path: Path, answer: Answer, ranked: Ranked) -> None:
        for rank, (label, score) in enumerate(_with_unknown(answer, ranked), 1):
            writer.writerow([path, rank, label, "" if score is None else f"{score:.6f}"])

    return print_one


if __name__ == "__main__":
    command_line.run(main)
