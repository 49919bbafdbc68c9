"""Measures how good a classifier is, on photos whose labels are known.

    python -m scripts.evaluate --graph=tf_files/retrained_graph.pb --image_dir=tf_files/flower_photos

It takes every format that export writes, and graphs that TensorFlow 1 left behind. Photos that it was trained
on say little, so of the folder that it was trained on only the photos kept for testing are looked at; of any
other folder all, or its test part where it has one. --report writes a page with the mistakes, doubtful
labels and photos that are there twice.
"""

import json
from pathlib import Path

from absl import flags

from .classifier import atomic_files
from .classifier.formats import classifiers
from .classifier.formats.classifiers import Classifier
from .classifier.formats.model import Wishes
from .classifier.judging import assessment, looking, record, selection, words
from .classifier.judging.assessment import Assessment
from .classifier.judging.looking import Looked
from .classifier.judging.report import page
from .classifier.judging.report.page import Report
from .classifier.judging.selection import Selection
from .console import command_line, input_flags
from .console.console import Console

FLAGS = flags.FLAGS
flags.DEFINE_string("graph", "tf_files/retrained_graph.pb", "The classifier, as retrain or export wrote it.")
flags.DEFINE_string("labels", None, "Its labels, one a line; default: those it carries or has beside it.")
flags.DEFINE_string(
    "image_dir", None, "The folder of photos: one folder for each label; default: the one it was trained on."
)
flags.DEFINE_enum(
    "split",
    None,
    selection.CHOICES,
    "Which photos to measure on; default: testing in the folder that it "
    "was trained on or that has its own split, all elsewhere.",
)
flags.DEFINE_string("report", None, "Write a page for the browser here, such as tf_files/report.html.")
flags.DEFINE_bool(
    "unknown",
    False,
    "Turn away photos that are far from all that it was trained on; folders of none of its labels then count as such.",
)
flags.DEFINE_bool("json", False, "Print JSON.")

# There are usually many to look at: worth the half second in which a faster engine is made ready.
_USUALLY = 100


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    report = None if FLAGS.report is None else Path(FLAGS.report)
    if report is not None:
        atomic_files.check(report)
    console = Console()
    classifier = _open(console)
    chosen = _choose(console, classifier)
    looked = _look(console, classifier, chosen)
    assessed = assessment.assess(classifier, chosen, looked)
    if FLAGS.json:
        console.say(json.dumps(record.of(assessed), ensure_ascii=False))
    else:
        console.say(*words.describe_all(assessed))
    if report is not None:
        _write_report(console, assessed, report)


def _open(console: Console) -> Classifier:
    labels = None if FLAGS.labels is None else Path(FLAGS.labels)
    wishes = Wishes(input_flags.overrides(), _USUALLY, bottlenecks=FLAGS.report is not None)
    classifier = classifiers.load(Path(FLAGS.graph), labels, wishes, FLAGS.unknown, input_flags.names())
    if classifier.model.note:
        console.warn(classifier.model.note)
    return classifier


def _choose(console: Console, classifier: Classifier) -> Selection:
    chosen = selection.choose(classifier.model, FLAGS.image_dir, FLAGS.split)
    if chosen.warning:
        console.warn(chosen.warning)
    console.warn(*chosen.lists.folder_warnings())
    return chosen


def _look(console: Console, classifier: Classifier, chosen: Selection) -> Looked:
    """At the photos to measure on; for a report, which finds wrong labels and twins everywhere, at all."""
    photos, foreign = looking.match(chosen.lists, classifier.labels, strangers_too=FLAGS.unknown)
    if foreign and not FLAGS.unknown:
        console.warn(f"of none of its labels and left out: {', '.join(foreign)} (--unknown looks at them too)")
        photos = [photo for photo in photos if photo.label is not None]
    measured = chosen.of(photos)
    wanted = measured if FLAGS.report is None else photos
    with console.show("looking at photos", "photos")(len(wanted)) as advance:
        looked = looking.look(classifier, chosen.lists, wanted, advance)
    if looked.unreadable:
        path, reason = next(iter(looked.unreadable.items()))
        console.warn(f"{len(looked.unreadable)} photos cannot be read and are left out ({path}: {reason} ...)")
    return looked


def _write_report(console: Console, assessed: Assessment, file: Path) -> None:
    found = assessed.find(console.show("comparing photos", "photos"))
    atomic_files.write_text(file, page.render(Report.of(assessed, found)))
    if not FLAGS.json:
        console.say("", *words.describe_findings(found), f"written: {file}")


if __name__ == "__main__":
    command_line.run(main)
