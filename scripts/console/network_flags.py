"""The flags that say which pretrained network looks at photos, and how."""

from dataclasses import dataclass
from pathlib import Path

from absl import flags

from ..classifier import machine
from ..classifier.backbones import table
from ..classifier.backbones.backbone import Backbone
from ..classifier.backbones.choices import Choices
from ..classifier.showing import Show, nowhere

FLAGS = flags.FLAGS
flags.DEFINE_string(
    "architecture",
    "inception_v3",
    "The pretrained network: inception_v3, inception_2015 (the "
    "original's), mobilenet_{0.25,0.50,0.75,1.0}_{128,160,192,224}[_quantized], densenet161, any of "
    "keras.applications (python -m scripts.architectures lists all), color_texture, which is plain "
    "arithmetic and needs no download; or a TensorFlow Hub handle, a SavedModel's folder, a Keras "
    "model (.keras, .h5) or a frozen graph (.pb).",
)
flags.DEFINE_string(
    "bottleneck_layer",
    None,
    "Of a network of many layers, the one that gives the bottleneck; default: its last averages over a picture.",
)
flags.DEFINE_integer(
    "input_size",
    None,
    "Width and height of the pictures that the network takes, where it takes any; default: as it says itself.",
    32,
)
flags.DEFINE_float(
    "input_mean", None, "Of a network's file: subtracted from pixels of 0 to 255; default: as it says itself."
)
flags.DEFINE_float(
    "input_std", None, "Of a network's file: what the difference is divided by; default: as it says itself."
)
flags.DEFINE_integer(
    "views",
    1,
    "4: the network looks at each photo whole, mirrored, and at its middle twice (80 % "
    "and 60 % of width and height), in training and in what is written. More accurate, at four times "
    "the time a photo. 1: it looks once.",
)
flags.DEFINE_enum(
    "bottleneck",
    table.LAST,
    table.BOTTLENECKS,
    "What is kept of what the network makes of a "
    "photo: its last values, or (multi) the means of two earlier layers as well; hardly any slower, and "
    "worth a try.",
)
flags.DEFINE_string("model_dir", "tf_files/models", "Where pretrained networks are kept.")
flags.DEFINE_enum(
    "precision",
    "auto",
    machine.PRECISIONS,
    "The network's arithmetic; auto: bfloat16 for large networks where the processor has it.",
)


@dataclass(frozen=True)
class Network:
    """The pretrained network that is asked for, and how it is to be used."""

    name: str
    model_dir: Path
    choices: Choices
    bottleneck: str
    views: int
    precision: str

    def remaining_bytes(self) -> int | None:
        """Bytes left to download before it can be loaded; None if that is not known."""
        return table.remaining_bytes(self.name, self.model_dir)

    def load(self, show: Show = nowhere) -> tuple[Backbone, str]:
        """The network, and the precision that it computes in on this machine."""
        loaded = table.load(self.name, self.model_dir, show, self.choices)
        backbone = table.seeing_more(loaded, self.bottleneck, self.views)
        return backbone, machine.decide_precision(self.precision, large=backbone.large)


def network() -> Network:
    """Refuses combinations of flags that no network can be loaded with."""
    choices = Choices(FLAGS.bottleneck_layer, FLAGS.input_size, FLAGS.input_mean, FLAGS.input_std)
    table.check(FLAGS.architecture, choices)
    table.check_views(FLAGS.views)
    return Network(FLAGS.architecture, Path(FLAGS.model_dir), choices, FLAGS.bottleneck, FLAGS.views, FLAGS.precision)
