"""Writes a classifier in another format: for phones, boards, Keras or serving.

    python -m scripts.export --graph=tf_files/retrained_graph.pb --format=tflite --quantize=int8

--graph is a frozen graph, as retrain writes it. The new file carries the labels and how pictures are prepared.
export loads it back and compares it with the original on the test photos: size, accuracy and time.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .classifier.errors import UserError
from .classifier.formats import classifiers, graph as graphs, kinds
from .classifier.formats.classifiers import Classifier
from .classifier.formats.model import Wishes
from .classifier.judging import looking, side_by_side
from .classifier.judging.looking import LabelledPhoto
from .classifier.judging.side_by_side import Figures
from .classifier.photos import pixels
from .classifier.photos.image_lists import TESTING, TRAINING, ImageLists
from .classifier.training import accuracy
from .console import command_line, flags, input_flags
from .console.console import Console
from .console.path_kinds import MODEL, PHOTOS

FLAGS = flags.FLAGS
flags.most_used("graph", "format", "quantize", "output", "image_dir")
flags.group("output")
flags.DEFINE_enum("format", "tflite", list(kinds.WRITTEN), "The format to write.")
flags.DEFINE_enum(
    "quantize",
    "none",
    list(kinds.QUANTIZATIONS),
    "For tflite. dynamic: 8-bit weights. float16: 16-bit weights. int8: all in 8 bits, measured on training photos.",
)
flags.DEFINE_path("output", None, "The file to write. Default: beside the graph and named after it.", MODEL)
flags.group("photos")
flags.DEFINE_path(
    "image_dir", None, "The folder of photos. Default: the folder that the classifier was trained on.", PHOTOS
)
flags.DEFINE_integer("calibration_photos", 100, "Number of training photos that int8 and dynamic measure ranges on.", 1)


class Photos(NamedTuple):
    lists: ImageLists
    labelled: list[LabelledPhoto]

    def of(self, split: str) -> list[LabelledPhoto]:
        """Those of labels that the classifier has."""
        return [photo for photo in self.labelled if photo.split == split and photo.label is not None]


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    console, graph, output = Console(), Path(FLAGS.graph), _output()
    _refuse_what_cannot_be_written(graph, output)
    before = _open_graph(graph)
    photos = _photos(before)
    contents = graphs.read_contents(graph, input_flags.overrides(), before.labels, before.named)
    samples = _samples(before, photos, console) if FLAGS.quantize in ("int8", "dynamic") else None
    note = kinds.write(FLAGS.format, output, contents, FLAGS.quantize, samples)
    if note is not None:
        console.warn(note)
    after = classifiers.load(output, None, Wishes(pictures=2))
    console.say(*_compare([before, after], photos, console))
    console.say(f"written: {output}")


def _output() -> Path:
    if FLAGS.quantize != "none" and not kinds.FORMATS[FLAGS.format].quantized:
        raise UserError(f"--quantize={FLAGS.quantize} is for --format=tflite: {FLAGS.format} is written as it is")
    if FLAGS.output is None:
        return kinds.default_output(Path(FLAGS.graph), FLAGS.format, FLAGS.quantize)
    return Path(FLAGS.output)


def _refuse_what_cannot_be_written(graph: Path, output: Path) -> None:
    if kinds.kind_of(graph) != kinds.GRAPH:
        raise UserError(f"{graph} is not a frozen graph: export starts from the .pb file that retrain wrote")
    if output.resolve() == graph.resolve():
        raise UserError(f"--output={output} is the graph itself: give another place")
    kinds.check(FLAGS.format, output)


def _open_graph(graph: Path) -> Classifier:
    labels = None if FLAGS.labels is None else Path(FLAGS.labels)
    return classifiers.load(graph, labels, Wishes(input_flags.overrides(), 2), names=input_flags.names())


def _photos(classifier: Classifier) -> Photos | None:
    """The photos of --image_dir, else of the folder that it was trained on; None where that is gone."""
    options = (classifier.model.record or {}).get("options", {})
    folder = options.get("image_dir") if FLAGS.image_dir is None else FLAGS.image_dir
    if folder is None or (FLAGS.image_dir is None and not Path(folder).is_dir()):
        return None
    lists = looking.scan(Path(folder), classifier.model.record)
    return Photos(lists, looking.match(lists, classifier.labels)[0])


def _samples(classifier: Classifier, photos: Photos | None, console: Console) -> Iterator[np.ndarray]:
    """Training photos, prepared, from which the ranges of values are taken."""
    training = [] if photos is None else [photo for photo in photos.labelled if photo.split == TRAINING]
    if photos is None or not training:
        return
    chosen = np.random.default_rng(0).permutation(len(training))[: FLAGS.calibration_photos]
    with console.show("calibrating", "photos")(len(chosen)) as advance:
        for at in chosen:
            advance(1)
            try:
                yield classifier.model.preprocessing.apply((photos.lists.image_dir / training[at].path).read_bytes())
            except (pixels.UnreadableImage, OSError):
                continue  # retrain has listed it; the others are enough


def _compare(pair: list[Classifier], photos: Photos | None, console: Console) -> Iterator[str]:
    testing = [] if photos is None else photos.of(TESTING)
    if photos is None or not testing:
        yield "loaded back; not scored, as there are no test photos: give their folder with --image_dir"
        for classifier in pair:
            yield f"  {classifier.model.path}: {_size(classifier.model.path)}"
        return
    paths = [classifier.model.path for classifier in pair]
    before, after = (
        side_by_side.measure(each, photos.lists, testing, console.show(f"scoring {each.model.path.name}", "photos"))
        for each in pair
    )
    longest = max(len(str(path)) for path in paths)
    for path, figures in zip(paths, (before, after), strict=True):
        yield f"{path!s:{longest}}  {_size(path):>10}  {_accuracy(figures)}  {1000 * figures.seconds:.1f} ms a photo"
    same = side_by_side.same_guesses(before, after)
    yield f"the first label is the same on {same} of {before.photos} test photos"


def _accuracy(figures: Figures) -> str:
    low, high = accuracy.interval_95(figures.right, figures.photos)
    share = 100 * figures.right / figures.photos
    return f"{share:.1f} % right ({figures.right} of {figures.photos}; {100 * low:.0f} to {100 * high:.0f} %)"


def _size(path: Path) -> str:
    return f"{side_by_side.size(path) / 1000:,.0f} kB"


if __name__ == "__main__":
    command_line.run(main)
