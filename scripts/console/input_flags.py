"""Flags about the classifier, its input and its output, for the commands that open one."""

from dataclasses import fields
from pathlib import Path

from ..classifier.photos.fitting import FITS
from ..classifier.photos.preprocessing import CHANNELS, Overrides
from . import flags
from .path_kinds import GRAPH, LABELS, NAMES

FLAGS = flags.FLAGS
flags.group("classifier")
flags.DEFINE_path("graph", "tf_files/retrained_graph.pb", "The classifier, as retrain or export wrote it.", GRAPH)
flags.DEFINE_path(
    "labels", None, "A file of labels, one per line. Default: the labels in the classifier or beside it.", LABELS
)
flags.group("how a picture is prepared")
flags.DEFINE_integer(
    "input_height", None, "Height of the classifier's input in pixels. Default: read from its file.", 1
)
flags.DEFINE_integer("input_width", None, "Width of the classifier's input in pixels. Default: read from its file.", 1)
flags.DEFINE_float(
    "input_mean", None, "The mean subtracted from 0-255 pixels. Default: read from the classifier's file."
)
flags.DEFINE_float(
    "input_std", None, "The number that pixels are divided by after that. Default: read from the classifier's file."
)
flags.DEFINE_enum(
    "channels", None, list(CHANNELS), "The order of a pixel's colours. Default: read from the classifier's file."
)
flags.DEFINE_enum(
    "fit",
    None,
    FITS,
    "How a photo becomes the classifier's square input. squeeze: all of it, squeezed. crop: the largest square in its "
    "middle. pad: all of it, on grey. Default: read from the classifier's file, else squeeze.",
)
flags.DEFINE_string("input_layer", None, "The graph's node that takes pictures. Default: read from the graph.")
flags.DEFINE_string("output_layer", None, "The graph's node that gives scores. Default: read from the graph.")
flags.group("classifier")
flags.DEFINE_path(
    "category_names",
    None,
    'A JSON file with readable names for the labels, such as {"1": "pink primrose"}. Default: the names in the '
    "classifier's file.",
    NAMES,
)


def overrides() -> Overrides:
    return Overrides(*(FLAGS[each.name].value for each in fields(Overrides)))


def names() -> Path | None:
    return None if FLAGS.category_names is None else Path(FLAGS.category_names)
