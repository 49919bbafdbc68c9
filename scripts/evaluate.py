"""Measures how good a classifier is, on photos whose labels are known.

    python -m scripts.evaluate --graph=tf_files/retrained_graph.pb --image_dir=tf_files/flower_photos

It takes every format that export writes, and graphs that TensorFlow 1 left behind. Photos that it was trained
on say little, so of the folder that it was trained on only the photos kept for testing are looked at; of any
other folder all, or its test part where it has one. --report writes a page with the mistakes, doubtful
labels and photos that are there twice.
"""

import json
import shlex
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

# Usually there are many photos: worth the half second that preparing a faster engine takes.
_USUALLY = 100
_FEW = 5  # folders that a warning names


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    report = None if FLAGS.report is None else Path(FLAGS.report)
    if report is not None:
        atomic_files.check(report)
    console = Console(quiet=FLAGS.json)
    classifier = _open(console)
    chosen = _choose(console, classifier)
    looked = _look(console, classifier, chosen)
    assessed = assessment.assess(classifier, chosen, looked)
    console.say(*words.describe_all(assessed))
    if report is not None:
        _write_report(console, assessed, report)
    else:
        console.suggest(("see the photos it gets wrong", _again("--report=tf_files/report.html")))
    if FLAGS.json:
        print(json.dumps(record.of(assessed), ensure_ascii=False))


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
    return chosen


def _look(console: Console, classifier: Classifier, chosen: Selection) -> Looked:
    """Looks at the photos to measure on, or for a report at all: wrong labels and duplicates may be anywhere."""
    photos, foreign = looking.match(chosen.lists, classifier.labels, strangers_too=FLAGS.unknown)
    if foreign and not FLAGS.unknown:
        some = ", ".join(foreign[:_FEW]) + (f" and {len(foreign) - _FEW} more" if len(foreign) > _FEW else "")
        console.warn(f"left out, as it has no such label: {some} (--unknown counts them as unknown things)")
        photos = [photo for photo in photos if photo.label is not None]
    measured = chosen.of(photos)
    wanted = measured if FLAGS.report is None else photos
    console.say(words.announce(classifier.model.path, chosen, measured, len(wanted)))
    with console.show("looking at photos", "photos")(len(wanted)) as advance:
        looked = looking.look(classifier, chosen.lists, wanted, advance)
    if looked.unreadable:
        path, reason = next(iter(looked.unreadable.items()))
        number = len(looked.unreadable)
        which, others = ("1 photo", "") if number == 1 else (f"{number:,} photos", " ...")
        console.warn(f"left out {which} that cannot be read ({path}: {reason}{others})")
    return looked


def _write_report(console: Console, assessed: Assessment, file: Path) -> None:
    found = assessed.find(console.show("comparing photos", "photos"))
    atomic_files.write_text(file, page.render(Report.of(assessed, found)))
    console.say("", *words.describe_findings(found), f"written: {file}", f"look at it: {file}, in any browser")
    if not assessed.measures.total:
        return
    wrong = "correct wrong labels and train again; " if found.suspicions else ""
    console.say(f"next: {wrong}for more accuracy see docs/accuracy.md")


def _again(*more: str) -> str:
    """The words of this command line, and more."""
    given = [name for name in ("graph", "labels", "image_dir", "split", "unknown") if FLAGS[name].present]
    return shlex.join(["evaluate", *(f"--{name}={FLAGS[name].value}" for name in given), *more])


if __name__ == "__main__":
    command_line.run(main)
