"""Measures how good a classifier is, on photos whose labels are known.

    python -m scripts.evaluate --graph=tf_files/retrained_graph.pb --image_dir=tf_files/flower_photos

It takes every format that export writes, and graphs that TensorFlow 1 left behind. Photos that it was trained
on say little, so of the folder that it was trained on only the photos kept for testing are looked at; of any
other folder all, or its test part where it has one. --report writes a page with the mistakes, doubtful
labels and photos that are there twice.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from absl import flags

from .classifier import atomic_files
from .classifier.errors import UserError
from .classifier.formats import classifiers
from .classifier.formats.classifiers import Classifier
from .classifier.formats.model import Wishes
from .classifier.judging import findings, looking, measures as figures, near_duplicates, perceptual_hash, words
from .classifier.judging.findings import Findings
from .classifier.judging.looking import LabelledPhoto, Looked
from .classifier.judging.measures import Judged, Measures, Strangers
from .classifier.judging.report.page import Report, render
from .classifier.photos import category_names, folders
from .classifier.photos.image_lists import SPLITS, TESTING, TRAINING, VALIDATION, ImageLists
from .console import command_line, input_flags, progress

FLAGS = flags.FLAGS
flags.DEFINE_string("graph", "tf_files/retrained_graph.pb", "The classifier, as retrain or export wrote it.")
flags.DEFINE_string("labels", None, "Its labels, one a line; default: those it carries or has beside it.")
flags.DEFINE_string(
    "image_dir", None, "The folder of photos: one folder for each label; default: the one it was trained on."
)
flags.DEFINE_enum(
    "split",
    None,
    [*SPLITS, "all"],
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
    page = None if FLAGS.report is None else Path(FLAGS.report)
    if page is not None:
        atomic_files.check(page)
    said = input_flags.overrides()
    labels = None if FLAGS.labels is None else Path(FLAGS.labels)
    wishes = Wishes(said, _USUALLY, page is not None)
    classifier = classifiers.load(Path(FLAGS.graph), labels, wishes, FLAGS.unknown, input_flags.names())
    if classifier.model.note:
        command_line.warn(classifier.model.note)

    lists, split = _what_to_look_at(classifier)
    image_dir = lists.image_dir
    photos, foreign = looking.match(lists, classifier.labels, strangers_too=FLAGS.unknown)
    if foreign and not FLAGS.unknown:
        command_line.warn(f"of none of its labels and left out: {', '.join(foreign)} (--unknown looks at them too)")
        photos = [photo for photo in photos if photo.label is not None]
    chosen = [photo for photo in photos if split in ("all", photo.split) or photo.label is None]
    if not chosen:
        raise UserError(f"{image_dir} has no {split} photos: choose another --split, or --split=all")
    looked = _look(classifier, lists, photos if page is not None else chosen)
    known = looked.rows(lambda photo: photo.label is not None)
    everything = _judged(classifier, looked, known)
    measures = Measures(everything if split == "all" else everything.of(split))
    strangers = _strangers(lists, looked)

    if FLAGS.json:
        print(json.dumps(_record(classifier, image_dir, split, measures, strangers), ensure_ascii=False))
    else:
        _print(classifier, image_dir, split, measures, strangers)
    if page is not None:
        bottlenecks = None if looked.bottlenecks is None else looked.bottlenecks[known]
        found = _write_report(page, classifier, image_dir, measures, everything, bottlenecks, strangers)
        if not FLAGS.json:
            print("", *words.describe_findings(found), f"written: {page}", sep="\n")


def _what_to_look_at(classifier: Classifier) -> tuple[ImageLists, str]:
    """The photos and the set of them to measure on."""
    trained_on = (classifier.model.record or {}).get("options", {}).get("image_dir")
    if FLAGS.image_dir is None and trained_on is None:
        raise UserError(
            f"{classifier.model.path} does not say what it was trained on: give --image_dir a folder that holds one "
            "folder of photos for each label"
        )
    image_dir = folders.at(trained_on if FLAGS.image_dir is None else FLAGS.image_dir)
    lists = looking.scan(image_dir, classifier.model.record)
    if FLAGS.split is not None:
        return lists, FLAGS.split
    own = trained_on is not None and image_dir.resolve() == folders.at(trained_on).resolve()
    if own or lists.ready_made:
        if not lists.of(TESTING) and lists.of(VALIDATION):
            command_line.warn(
                "no photos were kept for testing: these are the validation photos, by which training may have been "
                "chosen, so that new photos may fare a little worse"
            )
            return lists, VALIDATION
        return lists, TESTING
    # Elsewhere all photos are new to it.
    return replace(lists, photos=tuple(replace(photo, split=TESTING) for photo in lists.photos)), "all"


def _look(classifier: Classifier, lists: ImageLists, photos: list[LabelledPhoto]) -> Looked:
    with progress.show("looking at photos", len(photos), "photos") as advance:
        looked = looking.look(classifier, lists, photos, advance)
    if looked.unreadable:
        path, reason = next(iter(looked.unreadable.items()))
        command_line.warn(f"{len(looked.unreadable)} photos cannot be read and are left out ({path}: {reason} ...)")
    return looked


def _judged(classifier: Classifier, looked: Looked, rows: np.ndarray) -> Judged:
    """The photos of known labels, under the names that people know."""
    photos = [looked.photos[row] for row in rows]
    return Judged(
        classifier.names,
        [photo.path for photo in photos],
        np.array([photo.label for photo in photos], np.int64),
        looked.scores[rows],
        [photo.split for photo in photos],
        None if looked.distances is None else looked.distances[rows] > 1,
    )


def _strangers(lists: ImageLists, looked: Looked) -> Strangers | None:
    """Photos of none of the labels, which nothing was trained on, whatever set they are in."""
    rows = looked.rows(lambda photo: photo.label is None)
    if not len(rows):
        return None
    paths = [looked.photos[row].path for row in rows]
    return Strangers(lists.image_dir, paths, looked.scores[rows], looked.distances[rows] > 1)


def _print(classifier: Classifier, image_dir: Path, split: str, measures: Measures, strangers: Strangers | None):
    which = "" if split == "all" else f"{split} "
    others = "" if strangers is None else f", and {len(strangers.paths)} photos of none of its labels"
    print(f"{classifier.model.path} on {measures.total} {which}photos of {image_dir}{others}")
    if learnt := measures.judged.splits.count(TRAINING):
        print(f"{learnt} of these were there to be trained on: on new photos it is less accurate than this")
    print(*words.describe(measures, strangers), sep="\n")


def _record(classifier: Classifier, image_dir: Path, split: str, measures: Measures, strangers: Strangers | None):
    """For programs, which know the labels as they are."""
    about = {"graph": str(classifier.model.path), "image_dir": str(image_dir), "split": split}
    if classifier.named is not None:
        about |= {category_names.RECORDED: classifier.named}
    return about | figures.as_record(Measures(replace(measures.judged, labels=classifier.labels)), strangers)


def _write_report(
    page: Path,
    classifier: Classifier,
    image_dir: Path,
    measures: Measures,
    everything: Judged,
    bottlenecks: np.ndarray | None,
    strangers: Strangers | None,
) -> Findings:
    with progress.show("comparing photos", len(everything), "photos") as advance:
        hashes = perceptual_hash.of_photos(image_dir, everything.paths, advance)
    near = near_duplicates.find(hashes, everything.splits, everything.truth, bottlenecks)
    record = classifier.model.record
    found = findings.find(measures.judged, everything, near)
    whole = Report(
        title=classifier.model.path.name,
        image_dir=image_dir,
        measures=measures,
        findings=found,
        record=record,
        curve=(record or {}).get("curve"),
        strangers=strangers,
    )
    atomic_files.write_text(page, render(whole))
    return found


if __name__ == "__main__":
    command_line.run(main)
