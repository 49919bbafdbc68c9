"""Measures how good a classifier is, on photos whose labels are known.

    python -m scripts.evaluate --graph=tf_files/retrained_graph.pb --report=tf_files/report.html

It takes every format that export writes, and graphs written by TensorFlow 1. Photos that the classifier was trained
on would flatter it, so by default it looks only at the test photos of the folder it was trained on. In any other
folder it looks at the test part if there is one, else at all photos. --report writes a page with the mistakes,
doubtful labels and duplicate photos.
"""

import shlex
from pathlib import Path

from .classifier import atomic_files, invocation
from .classifier.formats import classifiers
from .classifier.formats.classifiers import Classifier
from .classifier.formats.model import Wishes
from .classifier.judging import assessment, looking, record, selection, words
from .classifier.judging.assessment import Assessment
from .classifier.judging.looking import Looked
from .classifier.judging.report import heat, mistakes, page
from .classifier.judging.report.page import Report
from .classifier.judging.selection import Selection
from .classifier.photos.wording import some_of
from .classifier.plain_text import json_line
from .console import command_line, flags, input_flags
from .console.console import Console
from .console.path_kinds import PAGE, PHOTOS

FLAGS = flags.FLAGS
flags.most_used("graph", "image_dir", "report", "unknown", "split")
flags.group("classifier")
flags.DEFINE_bool(
    "unknown",
    False,
    "Call photos unknown if they are unlike the training photos; photos in folders of other labels should be.",
)
flags.group("photos")
flags.DEFINE_path(
    "image_dir",
    None,
    "The folder of photos, with a folder for each label. Default: the folder that the classifier was trained on.",
    PHOTOS,
)
flags.DEFINE_enum(
    "split",
    None,
    selection.CHOICES,
    "The photos to measure on. Default: testing, in the folder that the classifier was trained on and in folders with "
    "their own split; all, in other folders.",
)
flags.group("output")
flags.DEFINE_path("report", None, "Write a page for the browser into this file, such as tf_files/report.html.", PAGE)
flags.DEFINE_bool("json", False, "Print JSON.")

# Usually there are many photos, which is worth the half second that preparing a faster engine takes.
_EXPECTED_PHOTOS = 100
_FEW = 5  # folders that a warning names


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    report = None if FLAGS.report is None else Path(FLAGS.report)
    if report is not None:
        atomic_files.check(report)
    selection.check(FLAGS.image_dir)
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
        print(json_line(record.of(assessed)))


def _open(console: Console) -> Classifier:
    labels = None if FLAGS.labels is None else Path(FLAGS.labels)
    wishes = Wishes(input_flags.overrides(), _EXPECTED_PHOTOS, bottlenecks=FLAGS.report is not None)
    with console.waiting(f"loading {FLAGS.graph}"):
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
    """Looks at the photos to measure on. A report needs all photos: wrong labels and duplicates may be anywhere."""
    photos, foreign = looking.match(chosen.lists, classifier.labels, strangers_too=FLAGS.unknown)
    console.warn(*chosen.lists.folder_warnings())
    if foreign and not FLAGS.unknown:
        folders, labels, whose = ("folder", "label", "its") if len(foreign) == 1 else ("folders", "labels", "their")
        console.warn(
            f"left out the {folders} {some_of(foreign, _FEW)}: the classifier has no such {labels} "
            f"(--unknown counts {whose} photos as unknown things)"
        )
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
    photos = assessed.chosen.lists.image_dir
    with console.waiting("looking for what spoke for its mistakes"):
        heats = heat.of_mistakes(assessed.classifier, input_flags.overrides(), found, photos, mistakes.MOST)
    atomic_files.write_text(file, page.render(Report.of(assessed, found, heats)))
    console.say("", *words.describe_findings(found), f"written: {file}", f"look at it: {file}, in any browser")
    if not assessed.measures.total:
        return
    wrong = "correct wrong labels and train again; " if found.suspicions else ""
    console.say(f"next: {wrong}for more accuracy see {invocation.page('accuracy.md')}")


def _again(*more: str) -> str:
    """This command line again, with more flags."""
    given = [name for name in ("graph", "labels", "image_dir", "split", "unknown") if FLAGS[name].present]
    return shlex.join(["evaluate", *(f"--{name}={FLAGS[name].value}" for name in given), *more])


if __name__ == "__main__":
    command_line.run(main)
