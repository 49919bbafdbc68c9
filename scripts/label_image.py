"""Says what pictures show.

    python -m scripts.label_image --image=tf_files/flower_photos/daisy/7568630428_8cf0fc16ff_n.jpg

--image takes files, folders and patterns such as 'photos/*.jpg', several with commas between or as further
arguments. --graph takes every format that export writes, and graphs written by TensorFlow 1. How a picture is
prepared is read from the classifier; for graphs from elsewhere, flags can set it.
"""

import csv
import functools
import sys
from collections.abc import Callable
from pathlib import Path

from .classifier.errors import UserError
from .classifier.formats import answers, classifiers
from .classifier.formats.answers import Answer, Rank
from .classifier.formats.classifiers import Classifier
from .classifier.formats.model import Wishes
from .classifier.photos import named_pictures, walking
from .classifier.plain_text import cell, json_line
from .classifier.training import unknown
from .console import answer_pictures, command_line, flags, input_flags
from .console.console import Console
from .console.path_kinds import PICTURES

FLAGS = flags.FLAGS
flags.most_used("image", "graph", "top_k", "unknown", "why")
flags.group("photos")
flags.DEFINE_multi_path("image", [], "A picture, a folder of pictures or a pattern; may be repeated.", PICTURES)
flags.group("classifier")
flags.DEFINE_bool("unknown", False, "Call pictures unknown if they are unlike the training photos.")
flags.group("output")
flags.DEFINE_integer("top_k", 5, "Number of labels printed for each picture.", 1)
flags.DEFINE_bool("json", False, "Print JSON.")
flags.DEFINE_bool("csv", False, "Print CSV: image, rank, label, score, and the label's name if it has one.")
answer_pictures.define()

PrintOne = Callable[[Path, Answer, list[Rank]], None]


def main(positional: list[str]) -> int:
    if FLAGS.json and FLAGS.csv:
        raise UserError("--json and --csv: choose one of them")
    pictures = _pictures([*FLAGS.image, *positional])
    drawn = answer_pictures.asked(pictures)
    classifier = _open_classifier(len(pictures))
    drawn.open(classifier)
    print_one = _printer(several=len(pictures) > 1, named=classifier.named is not None)
    unreadable = 0
    for path, answer in classifier.label(pictures):
        if isinstance(answer, str):
            unreadable += 1
            command_line.print_error(f"{path}: {answer}")
            continue
        ranks = classifier.ranked(answer, FLAGS.top_k)
        print_one(path, answer, ranks)
        drawn.add(path, answer, ranks)
    drawn.write(aside=sys.stderr if FLAGS.json or FLAGS.csv else sys.stdout)
    return 1 if unreadable else 0


def _pictures(words: list[str]) -> list[Path]:
    if not all(words) or not words:
        raise UserError("no picture given: use --image=FILE, a folder, or a pattern such as 'photos/*.jpg'")
    found = list(named_pictures.find(words, left_out := walking.LeftOut()))
    Console().warn(*walking.described(left_out))
    return found


def _open_classifier(pictures: int) -> Classifier:
    labels = None if FLAGS.labels is None else Path(FLAGS.labels)
    wishes = Wishes(input_flags.overrides(), pictures)
    with Console().waiting(f"loading {FLAGS.graph}"):
        classifier = classifiers.load(Path(FLAGS.graph), labels, wishes, FLAGS.unknown, input_flags.names())
    if classifier.model.note:
        command_line.print_safely(f"note: {classifier.model.note}", file=sys.stderr)
    return classifier


def _printer(several: bool, named: bool) -> PrintOne:
    if FLAGS.json:
        return functools.partial(_print_json, named)
    if FLAGS.csv:
        return _csv_printer(named)
    return functools.partial(_print_text, several)


def _print_text(several: bool, path: Path, answer: Answer, ranks: list[Rank]) -> None:
    """In the format of the original label_image; if there are several pictures, each under its path."""
    lines = [f"{name} (distance={answer.distance:.2f})" for name in _unknown_line(answer)]
    lines += [f"{rank.name} (score={rank.score:.5f})" for rank in ranks]
    lines = lines[: FLAGS.top_k]
    command_line.print_safely(*([path, *lines, ""] if several else lines))


def _print_json(named: bool, path: Path, answer: Answer, ranks: list[Rank]) -> None:
    """One object per line, so that readers need not wait for the last picture."""
    print(json_line({"image": str(path), **answers.as_json(answer, ranks, named)}))


def _csv_printer(named: bool) -> PrintOne:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["image", "rank", "label", "score", *(["name"] if named else [])])

    def print_one(path: Path, answer: Answer, ranks: list[Rank]) -> None:
        rows = [(name, "", name) for name in _unknown_line(answer)]
        rows += [(rank.label, f"{rank.score:.6f}", rank.name) for rank in ranks]
        for number, (label, score, name) in enumerate(rows[: FLAGS.top_k], 1):
            writer.writerow([cell(path), number, cell(label), score, *([cell(name)] if named else [])])

    return print_one


def _unknown_line(answer: Answer) -> list[str]:
    """The line for an unknown picture, printed before the labels: it is no label and has no score."""
    return [unknown.NAME] if answer.unknown else []


if __name__ == "__main__":
    command_line.run(main)
