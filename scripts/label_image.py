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
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .classifier.drawing import answers, picture_files
from .classifier.errors import UserError
from .classifier.formats import classifiers
from .classifier.formats.classifiers import Answer, Classifier
from .classifier.formats.model import Wishes
from .classifier.photos import folders, pixels
from .classifier.training import unknown
from .console import command_line, flags, input_flags

FLAGS = flags.FLAGS
flags.DEFINE_multi_string("image", [], "A picture, a folder of pictures or a pattern; may be given several times.")
flags.DEFINE_string("graph", "tf_files/retrained_graph.pb", "The classifier, as retrain or export wrote it.")
flags.DEFINE_string("labels", None, "Its labels, one a line; default: those it carries or has beside it.")
flags.DEFINE_integer("top_k", 5, "How many labels are printed for a picture.", 1)
flags.DEFINE_bool("unknown", False, "Say `unknown` of pictures that are far from all that it was trained on.")
flags.DEFINE_bool("json", False, "Print JSON.")
flags.DEFINE_bool("csv", False, "Print CSV: image, rank, label, score; and name, where labels have names.")
flags.DEFINE_string("plot", None, "Draw each picture beside its scores into this picture file (.png or .jpg).")

_MOST_PLOTTED = 20  # one below the other, more are hardly looked at


@dataclass(frozen=True)
class Rank:
    """A label, what people call it, and its score; `unknown`, which is no label, has none."""

    label: str
    name: str
    score: float | None


def main(positional: list[str]) -> int:
    if FLAGS.json and FLAGS.csv:
        raise UserError("--json and --csv: choose one of them")
    pictures = list(_pictures([*FLAGS.image, *positional]))
    plot = None if FLAGS.plot is None else _check_plot(Path(FLAGS.plot), pictures)
    said = input_flags.overrides()
    labels = None if FLAGS.labels is None else Path(FLAGS.labels)
    wishes = Wishes(said, len(pictures))
    classifier = classifiers.load(Path(FLAGS.graph), labels, wishes, FLAGS.unknown, input_flags.names())
    if classifier.model.note:
        print(f"note: {classifier.model.note}", file=sys.stderr)
    print_one = (_json_printer if FLAGS.json else _csv_printer if FLAGS.csv else _text_printer)(
        several=len(pictures) > 1, named=classifier.named is not None
    )
    unreadable, answered = 0, []
    for path, answer in classifier.label(pictures):
        if isinstance(answer, str):
            unreadable += 1
            print(f"error: {path}: {answer}", file=sys.stderr, flush=True)
        else:
            ranked = _ranked(answer, classifier)
            print_one(path, answer, ranked)
            if plot is not None:
                answered.append((path, answer, ranked))
    if answered:
        _plot(plot, answered)
    return 1 if unreadable else 0


def _ranked(answer: Answer, classifier: Classifier) -> list[Rank]:
    best = np.argsort(-answer.scores, kind="stable")[: FLAGS.top_k]
    return [Rank(classifier.labels[at], classifier.names[at], float(answer.scores[at])) for at in best]


def _with_unknown(answer: Answer, ranked: list[Rank]) -> list[Rank]:
    """Where it applies, `unknown` comes first."""
    return [Rank(unknown.NAME, unknown.NAME, None), *ranked][: FLAGS.top_k] if answer.unknown else ranked


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
                yield from folders.pictures_below(path) if path.is_dir() else [path]


def _text_printer(several: bool, named: bool):
    """The original's form; with several pictures each under its name."""

    def print_one(path: Path, answer: Answer, ranked: list[Rank]) -> None:
        if several:
            print(path)
        for rank in _with_unknown(answer, ranked):
            about = f"distance={answer.distance:.2f}" if rank.score is None else f"score={rank.score:.5f}"
            print(f"{rank.name} ({about})")
        if several:
            print()

    return print_one


def _json_printer(several: bool, named: bool):
    """One object a line, so that a reader need not wait for the last picture."""

    def print_one(path: Path, answer: Answer, ranked: list[Rank]) -> None:
        told = {} if answer.distance is None else {"unknown": answer.unknown, "distance": round(answer.distance, 4)}
        labels = [
            {"label": rank.label, **({"name": rank.name} if named else {}), "score": round(rank.score, 6)}
            for rank in ranked
        ]
        print(json.dumps({"image": str(path), **told, "labels": labels}, ensure_ascii=False))

    return print_one


def _csv_printer(several: bool, named: bool):
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["image", "rank", "label", "score", *(["name"] if named else [])])

    def print_one(path: Path, answer: Answer, ranked: list[Rank]) -> None:
        for number, rank in enumerate(_with_unknown(answer, ranked), 1):
            score = "" if rank.score is None else f"{rank.score:.6f}"
            writer.writerow([path, number, rank.label, score, *([rank.name] if named else [])])

    return print_one


def _check_plot(plot: Path, pictures: list[Path]) -> Path:
    if len(pictures) > _MOST_PLOTTED:
        raise UserError(f"--plot shows {_MOST_PLOTTED} pictures at most, and {len(pictures)} were given: name fewer")
    if any(path.exists() and plot.exists() and path.samefile(plot) for path in pictures):
        raise UserError(f"--plot={plot} is one of the pictures, which it would replace: give another name")
    picture_files.check(plot, "plot")
    return plot


def _plot(plot: Path, answered: list[tuple[Path, Answer, list[Rank]]]) -> None:
    shown = []
    for path, answer, ranked in answered:
        remark = None
        if answer.unknown:
            remark = f"{unknown.NAME}: unlike the photos it learned from (distance {answer.distance:.2f})"
        photo = pixels.open_rgb(path.read_bytes(), answers.PHOTO_SIDE)
        scores = [(rank.name, rank.score) for rank in ranked]
        shown.append(answers.Shown(photo, path.name, scores, remark))
    drawn = answers.draw(shown)
    picture_files.write(drawn.picture, plot)
    command_line.warn(*drawn.warnings())
    print(f"written: {plot}", file=sys.stderr if FLAGS.json or FLAGS.csv else sys.stdout)


if __name__ == "__main__":
    command_line.run(main)
