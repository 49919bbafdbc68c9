"""Writes a classifier in another format: for phones and small boards, for Keras, for serving.

    python -m scripts.export --graph=tf_files/retrained_graph.pb --format=tflite --quantize=int8

What is written carries its labels and how pictures are prepared. It is loaded back, looks at the test photos
beside the original, and both are compared: size, accuracy, time.
"""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from absl import flags

from .classifier.errors import UserError
from .classifier.formats import classifiers, graph as graphs, kinds
from .classifier.formats.classifiers import Classifier
from .classifier.formats.model import Wishes
from .classifier.judging import looking
from .classifier.judging.looking import LabelledPhoto, Looked
from .classifier.photos import pixels
from .classifier.photos.image_lists import TESTING, TRAINING, ImageLists
from .classifier.training import accuracy
from .console import command_line, input_flags, progress

FLAGS = flags.FLAGS
flags.DEFINE_string("graph", "tf_files/retrained_graph.pb", "The classifier: a frozen graph.")
flags.DEFINE_string("labels", None, "Its labels, one a line; default: the file beside it.")
flags.DEFINE_enum("format", "tflite", list(kinds.WRITTEN), "The format to write.")
flags.DEFINE_enum(
    "quantize",
    "none",
    list(kinds.QUANTIZATIONS),
    "For tflite: 8-bit weights (dynamic), 16-bit "
    "weights (float16), or 8 bits throughout (int8), ranges taken from training photos.",
)
flags.DEFINE_string("output", None, "Where it is written; default: named after the graph, beside it.")
flags.DEFINE_string(
    "image_dir", None, "The folder of photos: one folder for each label; default: the one it was trained on."
)
flags.DEFINE_integer("calibration_photos", 100, "How many training photos int8 and dynamic look at.", 1)

_TIMED = 50  # photos; the median of so many hardly moves


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    if FLAGS.quantize != "none" and FLAGS.format != kinds.TFLITE:
        raise UserError(f"--quantize={FLAGS.quantize} is for --format=tflite: {FLAGS.format} is written as it is")
    graph = Path(FLAGS.graph)
    output = kinds.default_output(graph, FLAGS.format, FLAGS.quantize) if FLAGS.output is None else Path(FLAGS.output)
    said = input_flags.overrides()
    if kinds.kind_of(graph) != kinds.GRAPH:
        raise UserError(f"{graph} is not a frozen graph: export starts from the .pb file that retrain wrote")
    if output.resolve() == graph.resolve():
        raise UserError(f"--output={output} is the graph itself: give another place")
    kinds.check(FLAGS.format, output)
    labels = None if FLAGS.labels is None else Path(FLAGS.labels)
    before = classifiers.load(graph, labels, Wishes(said, 2), names=input_flags.names())
    lists, photos = _photos(before)
    contents = graphs.read_contents(graph, said, before.labels, before.named)
    samples = _samples(before, lists, photos) if FLAGS.quantize in ("int8", "dynamic") else None
    note = kinds.write(FLAGS.format, output, contents, FLAGS.quantize, samples)
    if note is not None:
        command_line.warn(note)
    after = classifiers.load(output, None, Wishes(pictures=2))
    _compare([before, after], lists, [photo for photo in photos if photo.split == TESTING and photo.label is not None])
    print(f"written: {output}")


def _photos(classifier: Classifier) -> tuple[ImageLists | None, list[LabelledPhoto]]:
    """Of the folder that the user names, else the one that it was trained on; none where that is gone."""
    options = (classifier.model.record or {}).get("options", {})
    folder = options.get("image_dir") if FLAGS.image_dir is None else FLAGS.image_dir
    if FLAGS.image_dir is None and (folder is None or not Path(folder).is_dir()):
        return None, []
    lists = looking.scan(Path(folder), classifier.model.record)
    return lists, looking.match(lists, classifier.labels)[0]


def _samples(classifier: Classifier, lists: ImageLists | None, photos: list[LabelledPhoto]) -> Iterator[np.ndarray]:
    """Training photos, prepared, from which the ranges of values are taken."""
    training = [photo for photo in photos if photo.split == TRAINING]
    if not training:
        return
    chosen = np.random.default_rng(0).permutation(len(training))[: FLAGS.calibration_photos]
    with progress.show("calibrating", len(chosen), "photos") as advance:
        for at in chosen:
            advance(1)
            try:
                yield classifier.model.preprocessing.apply((lists.image_dir / training[at].path).read_bytes())
            except (pixels.UnreadableImage, OSError):
                continue  # retrain has listed it; the others are enough


def _compare(pair: list[Classifier], lists: ImageLists | None, photos: list[LabelledPhoto]) -> None:
    if not photos:
        print("loaded back; not scored, as there are no test photos: give their folder with --image_dir")
        for classifier in pair:
            print(f"  {classifier.model.path}: {_size(classifier.model.path)}")
        return
    looked = []
    for classifier in pair:
        with progress.show(f"scoring {classifier.model.path.name}", len(photos), "photos") as advance:
            looked.append(looking.look(classifier, lists, photos, advance))
    longest = max(len(str(classifier.model.path)) for classifier in pair)
    for classifier, each in zip(pair, looked, strict=True):
        path, milliseconds = classifier.model.path, 1000 * _seconds_a_photo(classifier, lists, each)
        print(f"{path!s:{longest}}  {_size(path):>10}  {_accuracy(each)}  {milliseconds:.1f} ms a photo")
    same = int((looked[0].scores.argmax(axis=1) == looked[1].scores.argmax(axis=1)).sum())
    print(f"the first label is the same on {same} of {len(looked[0].photos)} test photos")


def _accuracy(looked: Looked) -> str:
    right = int((looked.scores.argmax(axis=1) == [photo.label for photo in looked.photos]).sum())
    low, high = accuracy.interval_95(right, len(looked.photos))
    share = 100 * right / len(looked.photos)
    return f"{share:.1f} % right ({right} of {len(looked.photos)}; {100 * low:.0f} to {100 * high:.0f} %)"


def _seconds_a_photo(classifier: Classifier, lists: ImageLists, looked: Looked) -> float:
    """Of the network alone, one photo at a time."""
    run, take, times = classifier.model.open_runner(), classifier.model.preprocessing, []
    for photo in looked.photos[:_TIMED]:
        picture = take.apply((lists.image_dir / photo.path).read_bytes())[None]
        started = time.perf_counter()
        run(picture)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def _size(path: Path) -> str:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return f"{sum(file.stat().st_size for file in files) / 1000:,.0f} kB"


if __name__ == "__main__":
    command_line.run(main)
