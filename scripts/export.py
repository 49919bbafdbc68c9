"""Writes a classifier in another format: for phones, boards, Keras or serving.

    python -m scripts.export --graph=tf_files/retrained_graph.pb --format=tflite --quantize=int8

--graph is a frozen graph, as retrain writes it, a Keras model or a SavedModel; a .tflite file gets labels and metadata.
The new file carries the labels and how pictures are prepared. export loads it back and compares it with the original
on the test photos: size, accuracy and time.
"""

import shlex
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from .classifier import invocation
from .classifier.errors import UserError
from .classifier.formats import classifiers, conversion, kinds
from .classifier.formats.classifiers import Classifier
from .classifier.formats.conversion import Target
from .classifier.formats.model import Wishes
from .classifier.judging import comparison, selection
from .classifier.judging.comparison import Photos
from .classifier.photos import fitting, folders, pixels
from .classifier.photos.preprocessing import Preprocessing
from .console import command_line, flags, input_flags
from .console.console import Console
from .console.path_kinds import MODEL, PHOTOS

FLAGS = flags.FLAGS
flags.most_used("graph", "format", "quantize", "output", "image_dir")
FLAGS["graph"].help = (
    "The classifier: a .pb, a Keras model (.keras, .h5) or the folder of a SavedModel, from anywhere. A .tflite is "
    "written again, with labels and metadata."
)
flags.group("output")
flags.DEFINE_enum("format", "tflite", list(kinds.WRITTEN), "The format to write.")
flags.DEFINE_enum(
    "quantize",
    "none",
    list(kinds.QUANTIZATIONS),
    "For tflite. dynamic: 8-bit weights. float16: 16-bit weights. int8: all in 8 bits, measured on training photos.",
)
flags.DEFINE_path("output", None, "The file to write. Default: beside the classifier and named after it.", MODEL)
flags.group("photos")
flags.DEFINE_path(
    "image_dir", None, "The folder of photos. Default: the folder that the classifier was trained on.", PHOTOS
)
flags.DEFINE_integer("calibration_photos", 100, "Number of training photos that int8 and dynamic measure ranges on.", 1)


_USES = {
    kinds.TFLITE: "on phones and small boards",
    kinds.SAVED_MODEL: "with TensorFlow Serving",
    kinds.KERAS: "in Keras",
    kinds.H5: "in Keras",
    kinds.ONNX: "with ONNX Runtime",
    kinds.GRAPH: "in OpenCV",
}
_BESIDE = {kinds.GRAPH: ", and beside it its labels and its record"}


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    console, graph, target = Console(), Path(FLAGS.graph), _target()
    conversion.check(graph, target)
    selection.check(FLAGS.image_dir)
    console.say(f"exporting {graph} to {target.path} ...")
    with console.waiting(f"loading {graph}"):
        before = _open_graph(graph)
    if before.model.note is not None:
        console.warn(before.model.note)
    photos = comparison.find(before, FLAGS.image_dir, console.show("reading photos", "photos"))
    with console.waiting("converting"):
        note = conversion.convert(before, input_flags.overrides(), target, partial(_samples, photos, console))
    if note is not None:
        console.warn(note)
    with console.waiting(f"loading {target.path}"):
        after = classifiers.load(target.path, None, Wishes(pictures=2))
    console.say(*comparison.describe([before, after], photos, console.show))
    left = _left_to_do(after.model.preprocessing.fit)
    console.say(f"written: {target.path}{_BESIDE.get(target.kind, '')}", *left)
    console.suggest(("label a photo", f"label_image --graph={shlex.quote(str(target.path))} --image=some.jpg"))
    console.say(f"how to use it {_USES[target.kind]}: {invocation.page('export.md')}")


def _target() -> Target:
    kind, quantize = FLAGS.format, FLAGS.quantize
    if quantize != "none" and not kinds.FORMATS[kind].quantized:
        raise UserError(f"--quantize={quantize} works only with --format=tflite: leave it out for {kind}")
    given = FLAGS.output
    return Target(
        kind, quantize, kinds.default_output(Path(FLAGS.graph), kind, quantize) if given is None else Path(given)
    )


def _open_graph(graph: Path) -> Classifier:
    labels = None if FLAGS.labels is None else Path(FLAGS.labels)
    return classifiers.load(graph, labels, Wishes(input_flags.overrides(), 2), names=input_flags.names())


def _left_to_do(fit: str) -> list[str]:
    """What programs that give the file pixels have to know; those that squeeze pictures need to know nothing."""
    if fit == fitting.SQUEEZE:
        return []
    decodes = " (the SavedModel does so with image_bytes)" if FLAGS.format == kinds.SAVED_MODEL else ""
    return [f"other programs must give it {fitting.WORDS[fit]}{decodes}"]


def _samples(photos: Photos | str, console: Console, take: Preprocessing) -> Iterator[np.ndarray]:
    """Prepared training photos, for measuring the ranges of values."""
    training = [] if isinstance(photos, str) else photos.training
    if isinstance(photos, str) or not training:
        return
    chosen = np.random.default_rng(0).permutation(len(training))[: FLAGS.calibration_photos]
    with console.show("calibrating", "photos")(len(chosen)) as advance:
        for at in chosen:
            advance(1)
            try:
                yield take.apply(folders.contents(photos.lists.image_dir / training[at].path))
            except (pixels.UnreadableImage, OSError):
                continue  # training has warned about it; the others are enough


if __name__ == "__main__":
    command_line.run(main)
