"""Measures how good a classifier is, on photos whose labels are known.

    python -m scripts.evaluate --graph=tf_files/retrained_graph.pb --report=tf_files/report.html

It takes every format that export writes, and graphs written by TensorFlow 1. Photos that the classifier was trained
on would flatter it, so by default it looks only at the test photos of the folder it was trained on. In any other
folder it looks at the test part if there is one, else at all photos, and leaves out those that training has seen,
whatever their names are now. --report writes a page with the mistakes, doubtful labels and duplicate photos.
--answers looks at no photos but at what serve --log_answers has kept.
"""

from pathlib import Path

from .classifier import atomic_files, invocation
from .classifier.formats import classifiers
from .classifier.formats.classifiers import Classifier
from .classifier.formats.model import Wishes
from .classifier.judging import assessment, exposure, looking, none_photos, record, selection, words
from .classifier.judging.assessment import Assessment
from .classifier.judging.exposure import Exposure
from .classifier.judging.looking import Looked
from .classifier.judging.report import heat, mistakes, page
from .classifier.judging.report.page import Report
from .classifier.judging.selection import Selection
from .classifier.photos.wording import some_of
from .classifier.plain_text import json_line
from .console import answer_flags, command_line, evaluation_flags, flags, input_flags, sure_flags
from .console.console import Console

FLAGS = flags.FLAGS

# Usually there are many photos, which is worth the half second that preparing a faster engine takes.
_EXPECTED_PHOTOS = 100
_FEW = 5  # folders that a warning names


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    console = Console(quiet=FLAGS.json)
    if FLAGS.answers is not None:
        answer_flags.evaluate(console)
        return
    report = None if FLAGS.report is None else Path(FLAGS.report)
    if report is not None:
        atomic_files.check(report)
    selection.check(FLAGS.image_dir)
    sure = sure_flags.percent()
    classifier = _open(console)
    sure_flags.check(classifier, sure)
    chosen = _choose(console, classifier)
    exposed = _expose(console, classifier, chosen)
    looked = _look(console, classifier, chosen, exposed)
    none, warnings = none_photos.judge(classifier, chosen, console.show("looking at photos of none", "photos"))
    console.warn(*warnings)
    assessed = assessment.assess(classifier, chosen, exposed, looked, sure, none)
    console.say(*words.describe_all(assessed))
    if report is not None:
        _write_report(console, assessed, report)
    else:
        console.suggest(("see the photos it gets wrong", evaluation_flags.again("--report=tf_files/report.html")))
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


def _expose(console: Console, classifier: Classifier, chosen: Selection) -> Exposure:
    """Chooses the photos to measure on. A report needs all photos: wrong labels and duplicates may be anywhere."""
    photos, foreign = looking.match(chosen.lists, classifier.labels, strangers_too=FLAGS.unknown)
    console.warn(*chosen.lists.folder_warnings())
    if foreign and not FLAGS.unknown:
        folders, labels, whose = ("folder", "label", "its") if len(foreign) == 1 else ("folders", "labels", "their")
        console.warn(
            f"left out the {folders} {some_of(foreign, _FEW)}: the classifier has no such {labels} "
            f"(--unknown counts {whose} photos as unknown things)"
        )
        photos = [photo for photo in photos if photo.label is not None]
    chosen.check(photos)
    some = chosen.of(photos) if FLAGS.report is None else photos
    exposed = exposure.find(classifier.model.record, chosen, some, console.show("reading photos", "photos"))
    exposure.refuse_nothing_new(exposed, chosen)
    if exposed.left_out:
        console.warn(f"{exposed.describe_left_out(chosen)}: --split=all keeps such photos")
    return exposed


def _look(console: Console, classifier: Classifier, chosen: Selection, exposed: Exposure) -> Looked:
    wanted = exposed.measured if FLAGS.report is None else exposed.photos
    console.say(words.announce(classifier.model.path, chosen, exposed.measured, len(wanted)))
    with console.show("looking at photos", "photos")(len(wanted)) as advance:
        looked = looking.look(classifier, chosen.lists, wanted, advance)
    if looked.unreadable:
        console.warn(words.unreadable(looked.unreadable))
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


if __name__ == "__main__":
    command_line.run(main)
