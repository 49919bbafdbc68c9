"""Says what pictures show.

    python -m scripts.label_image --image=tf_files/flower_photos/daisy/7568630428_8cf0fc16ff_n.jpg

--image takes files, folders and patterns such as 'photos/*.jpg', several with commas between or as further
arguments. --graph takes every format that export writes, and graphs written by TensorFlow 1. How a picture is
prepared is read from the classifier; for graphs from elsewhere, flags can set it.
"""

import sys
from pathlib import Path

from .classifier.errors import UserError
from .classifier.formats import classifiers
from .classifier.formats.classifiers import Classifier
from .classifier.formats.model import Wishes
from .classifier.photos import named_pictures, walking
from .console import answer_lines, answer_pictures, command_line, flags, input_flags, sure_flags
from .console.answer_lines import Said
from .console.console import Console
from .console.path_kinds import PICTURES

FLAGS = flags.FLAGS
flags.most_used("image", "graph", "unknown", "sure", "why")
flags.group("photos")
flags.DEFINE_multi_path("image", [], "A picture, a folder of pictures or a pattern; may be repeated.", PICTURES)
flags.group("classifier")
flags.DEFINE_bool("unknown", False, "Call pictures unknown if they are unlike the training photos.")
sure_flags.define(
    "Answer with the smallest set of labels that holds the right one in this percentage of cases, such as 95."
)
flags.group("output")
flags.DEFINE_integer("top_k", 5, "Number of labels printed for each picture.", 1)
flags.DEFINE_bool("json", False, "Print JSON.")
flags.DEFINE_bool("csv", False, "Print CSV: image, rank, label, score, and the label's name if it has one.")
answer_pictures.define()


def main(positional: list[str]) -> int:
    if FLAGS.json and FLAGS.csv:
        raise UserError("--json and --csv: choose one of them")
    pictures = _pictures([*FLAGS.image, *positional])
    drawn, sure = answer_pictures.asked(pictures), sure_flags.percent()
    classifier = _open_classifier(len(pictures))
    sure_flags.check(classifier, sure)
    drawn.open(classifier)
    print_one = _printer(len(pictures) > 1, classifier.named is not None, sure is not None)
    unreadable = 0
    for path, answer in classifier.label(pictures):
        if isinstance(answer, str):
            unreadable += 1
            command_line.print_error(f"{path}: {answer}")
            continue
        said = Said.of(classifier, path, answer, FLAGS.top_k, sure)
        print_one(said)
        drawn.add(said)
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


def _printer(several: bool, named: bool, sure: bool) -> answer_lines.Print:
    if FLAGS.json:
        return answer_lines.json(named)
    if FLAGS.csv:
        return answer_lines.table(named, FLAGS.top_k, sure)
    return answer_lines.text(several, FLAGS.top_k)


if __name__ == "__main__":
    command_line.run(main)
