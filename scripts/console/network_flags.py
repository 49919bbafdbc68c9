"""Flags about the pretrained network and the way it looks at photos."""

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from ..classifier import invocation
from ..classifier.backbones import engine, gpu, table
from ..classifier.backbones.backbone import Backbone
from ..classifier.backbones.choices import ALL, Choices
from ..classifier.backbones.engine import Engine
from ..classifier.errors import UserError
from ..classifier.fetching.downloads import Unavailable
from ..classifier.photos import fitting
from ..classifier.photos.preprocessing import CHANNELS
from ..classifier.showing import Show, nowhere
from . import flags
from .path_kinds import FOLDER, NETWORK

FLAGS = flags.FLAGS
flags.group("network")
flags.DEFINE_path(
    "architecture",
    "inception_v3",
    "The pretrained network: inception_v3, inception_2015 (the original's), "
    "mobilenet_{0.25,0.50,0.75,1.0}_{128,160,192,224}[_quantized], densenet161, any network of keras.applications "
    f"(`{invocation.command('architectures')}` lists them all), or efficientnet_lite0, which needs no download. Also a "
    "preset of KerasHub (keras_hub:dinov2_small), a TensorFlow Hub handle, the folder of a SavedModel, a Keras model "
    "(.keras, .h5) or a frozen graph (.pb).",
    NETWORK,
)
flags.DEFINE_string(
    "bottleneck_layer",
    None,
    "The layer whose output is the bottleneck. Default: the last layer that averages over the picture.",
)
flags.DEFINE_integer(
    "input_size",
    None,
    "Width and height of the network's input in pixels, for networks that take any size. Default: the network's own.",
    32,
)
flags.DEFINE_float(
    "input_mean", None, "For a network file: the mean subtracted from 0-255 pixels. Default: read from the file."
)
flags.DEFINE_float(
    "input_std",
    None,
    "For a network file: the number that pixels are divided by after that. Default: read from the file.",
)
flags.DEFINE_enum(
    "channels", None, list(CHANNELS), "For a network file: the order of a pixel's colours. Default: read from the file."
)
flags.DEFINE_enum(
    "fit",
    fitting.SQUEEZE,
    fitting.FITS,
    "How a photo becomes the network's square input. squeeze: all of it, squeezed. crop: the largest square in its "
    "middle. pad: all of it, on grey. The classifier remembers it.",
)
flags.DEFINE_integer(
    "views",
    1,
    "4: average over four views of each photo: whole, mirrored, and its middle twice (80 % and 60 % of width and "
    "height). More accurate, but takes four times as long, in training and later. 1: look once.",
)
flags.DEFINE_enum(
    "bottleneck",
    table.LAST,
    table.BOTTLENECKS,
    "The values kept for each photo. last: those of the network's last layer. multi: also the means of two earlier "
    "layers; hardly slower, often more accurate.",
)
flags.DEFINE_path("model_dir", "tf_files/models", "The folder where pretrained networks are kept.", FOLDER)
flags.DEFINE_enum(
    "precision",
    "auto",
    engine.PRECISIONS,
    "Arithmetic of the network. auto: for large networks bfloat16 if the processor or GPU has it, float16 on a GPU "
    "that has only that, else float32; for others float32.",
)


@dataclass(frozen=True)
class Network:
    """The pretrained network to use, and how."""

    name: str
    model_dir: Path
    choices: Choices
    bottleneck: str
    views: int
    precision: str
    found: gpu.Found  # the GPU to run it on, if any
    fit: str

    def remaining_bytes(self) -> int | None:
        """Bytes left to download before it can be loaded; None if unknown."""
        return table.remaining_bytes(self.name, self.model_dir)

    def about_megabytes(self) -> int | None:
        return table.about_megabytes(self.name)

    def describe(self) -> str:
        """Its name, and where it runs if that is not the processor."""
        return self.name if self.found.gpu is None else f"{self.name} on the GPU {self.found.gpu.name}"

    def load(self, show: Show = nowhere) -> tuple[Backbone, Engine]:
        """The network, and what it runs on here."""
        try:
            loaded = table.load(self.name, self.model_dir, show, self.choices)
        except Unavailable as error:
            raise UserError(f"{error}; this needs no download: {_without_download()}") from None
        backbone = table.seeing_more(replace(loaded, fit=self.fit), self.bottleneck, self.views)
        return backbone, engine.of_this_machine(self.precision, large=backbone.large, gpu=self.found.gpu)


def _without_download() -> str:
    """Trains on the same photos."""
    photos = [f"--image_dir={FLAGS.image_dir}"] if FLAGS["image_dir"].present else []
    return invocation.command(shlex.join(["retrain", f"--architecture={table.HERE_ALREADY}", *photos]))


def network(on_a_cluster: bool) -> Network:
    """Refuses combinations of flags that fit no network. A cluster computes on its processors."""
    choices = Choices(*(FLAGS[name].value for name in ALL))
    table.check(FLAGS.architecture, choices)
    table.check_views(FLAGS.views)
    return Network(
        FLAGS.architecture,
        Path(FLAGS.model_dir),
        choices,
        FLAGS.bottleneck,
        FLAGS.views,
        FLAGS.precision,
        gpu.Found(None) if on_a_cluster else gpu.look(),
        FLAGS.fit,
    )
