"""The flags about how a classifier is fed and read, for all commands that open one."""

from pathlib import Path

from ..classifier.photos.preprocessing import Overrides
from . import flags

FLAGS = flags.FLAGS
flags.DEFINE_integer("input_height", None, "Height of what it takes; default: as it says itself.", 1)
flags.DEFINE_integer("input_width", None, "Width of what it takes; default: as it says itself.", 1)
flags.DEFINE_float("input_mean", None, "Subtracted from pixels of 0 to 255; default: as it says itself.")
flags.DEFINE_float("input_std", None, "What the difference is divided by; default: as it says itself.")
flags.DEFINE_string("input_layer", None, "Of a graph, the node that takes pictures; default: as it says itself.")
flags.DEFINE_string("output_layer", None, "Of a graph, the node that gives scores; default: as it says itself.")
flags.DEFINE_string(
    "category_names",
    None,
    'A JSON file of what people call the labels, as in {"1": "pink primrose"}; default: the names that it carries.',
)


def overrides() -> Overrides:
    return Overrides(
        FLAGS.input_height, FLAGS.input_width, FLAGS.input_mean, FLAGS.input_std, FLAGS.input_layer, FLAGS.output_layer
    )


def names() -> Path | None:
    return None if FLAGS.category_names is None else Path(FLAGS.category_names)
