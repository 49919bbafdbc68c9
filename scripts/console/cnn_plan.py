"""The plan of a training from scratch: its flags, read and checked once, before any work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from absl import flags

from ..classifier import machine
from ..classifier.drawing import picture_files
from ..classifier.errors import UserError
from ..classifier.photos import image_lists
from ..classifier.photos.image_lists import ImageLists
from ..classifier.showing import Show
from ..classifier.training.convnet import checkpoints, pictures, recipes
from ..classifier.training.convnet.checkpoints import Checkpoint
from ..classifier.training.convnet.pictures import Decoded
from ..classifier.training.convnet.recipes import CnnRecipe
from ..classifier.training.outcome import Places
from . import output_flags
from .output_flags import WholeModel

FLAGS = flags.FLAGS
output_flags.define("tf_files/cnn_graph.pb", "tf_files/cnn_labels.txt", summaries_dir="tf_files/cnn_summaries")
flags.DEFINE_string("image_dir", "tf_files/flower_photos", "The folder of photos: one folder for each label.")
flags.DEFINE_enum(
    "network",
    CnnRecipe.network,
    recipes.NETWORKS,
    "basic: three convolutions and a dense layer, as in the "
    "Keras tutorial; deep: a small residual network, slower and more accurate.",
)
flags.DEFINE_integer("epochs", None, "How often all training photos are looked at; default: 10, for deep 20.", 1)
flags.DEFINE_integer("image_size", CnnRecipe.image_size, "Photos are squeezed to so many pixels a side.", 8, 1024)
flags.DEFINE_integer("batch_size", None, "How many photos a training step looks at; default: 32, for deep 128.", 1)
flags.DEFINE_bool(
    "augment",
    CnnRecipe.augment,
    "Mirror, turn and zoom training photos at random. deep mirrors and shifts them in any case.",
)
flags.DEFINE_float("dropout", CnnRecipe.dropout, "What share of the last values is left out at random in training.")
flags.DEFINE_bool("early_stopping", False, "Stop once --patience epochs have brought no better one.")
flags.DEFINE_integer("patience", 5, "With --early_stopping: how many epochs to wait for a better one.", 1)
flags.DEFINE_bool("resume", False, "Go on with the training in --checkpoint from its last whole epoch.")
flags.DEFINE_string("checkpoint", "tf_files/cnn_checkpoint.npz", "Where training is kept after every epoch.")
flags.DEFINE_enum(
    "cache",
    pictures.AUTO,
    pictures.KINDS,
    "Where decoded photos are kept while training; auto: in "
    "memory if they fit, else on disk; none: each is decoded anew every epoch.",
)
flags.DEFINE_string("cache_dir", "tf_files", "The folder for what is cached on disk, which is gone afterwards.")
flags.DEFINE_enum(
    "precision",
    "auto",
    machine.PRECISIONS,
    "Arithmetic in training; auto: bfloat16 where the processor has it. What is written computes in float32.",
)
flags.DEFINE_float("testing_percentage", 0, "How many of 100 photos are kept for a final test.")
flags.DEFINE_float("validation_percentage", 20, "How many of 100 photos show after each epoch how training goes.")
flags.DEFINE_string("skipped_images", "tf_files/skipped_images.txt", "Where unreadable photos are listed.")
flags.DEFINE_string(
    "plot_curves",
    "tf_files/cnn_curves.png",
    "Where the training's curves are drawn, the gap between training and validation shaded.",
)
flags.DEFINE_string("plot_samples", None, "Draw nine photos with their labels there before training.")
flags.DEFINE_string("plot_augmented", None, "Draw nine views of one training photo there, as training sees it.")
flags.DEFINE_integer(
    "seed", CnnRecipe.seed, "The same seed on the same machine gives the same classifier.", 0, 2**32 - 1
)


@dataclass(frozen=True)
class Plan:
    """In the order in which a training uses it."""

    image_dir: Path
    percentages: tuple[float, float]  # of testing and validation photos
    cache: str  # where decoded photos are kept
    cache_dir: Path
    skipped_file: Path
    samples: Path | None  # pictures to draw
    augmented: Path | None
    curves: Path | None
    recipe: CnnRecipe
    precision: str
    checkpoint: Path
    resumed: Checkpoint | None
    summaries_dir: Path
    known_kept: float  # the share of known photos that --unknown should recognise
    places: Places
    model: WholeModel | None
    quiet: bool

    def list_photos(self) -> ImageLists:
        return image_lists.scan(self.image_dir, *self.percentages)

    def decode(self, lists: ImageLists, show: Show) -> Decoded:
        return pictures.decode(
            lists, self.recipe.image_size, self.cache, self.cache_dir, self.percentages, self.skipped_file, show
        )

    def work(self) -> str:
        """The work ahead, in a line."""
        side, epochs = self.recipe.image_size, self.recipe.epochs
        train = f"train the {self.recipe.network} network from scratch for {epochs} epoch{'' if epochs == 1 else 's'}"
        return f"decode the photos to {side} x {side} pixels, {train}, write {self.places.graph}"


def of_flags() -> Plan:
    """Refuses whatever is bound to fail, before looking at any photo."""
    recipe, precision = _recipe(), machine.decide_precision(FLAGS.precision, large=True)
    checkpoint = Path(FLAGS.checkpoint)
    plan = Plan(
        image_dir=Path(FLAGS.image_dir),
        percentages=(FLAGS.testing_percentage, FLAGS.validation_percentage),
        cache=FLAGS.cache,
        cache_dir=Path(FLAGS.cache_dir),
        skipped_file=Path(FLAGS.skipped_images),
        samples=_picture("plot_samples"),
        augmented=_picture("plot_augmented"),
        curves=_picture("plot_curves"),
        recipe=recipe,
        precision=precision,
        checkpoint=checkpoint,
        resumed=checkpoints.read(checkpoint, recipe, precision) if FLAGS.resume else None,
        summaries_dir=Path(FLAGS.summaries_dir),
        known_kept=FLAGS.known_photos_kept / 100,
        places=output_flags.places(),
        model=output_flags.whole_model(),
        quiet=FLAGS.quiet,
    )
    output_flags.check(plan.places, plan.model, checkpoint)
    return plan


def _recipe() -> CnnRecipe:
    if FLAGS["patience"].present and not FLAGS.early_stopping:
        raise UserError(f"--patience={FLAGS.patience} is for --early_stopping: give that too")
    return CnnRecipe(
        FLAGS.network,
        FLAGS.image_size,
        recipes.default_epochs(FLAGS.network) if FLAGS.epochs is None else FLAGS.epochs,
        recipes.default_batch_size(FLAGS.network) if FLAGS.batch_size is None else FLAGS.batch_size,
        FLAGS.dropout,
        FLAGS.augment,
        FLAGS.patience if FLAGS.early_stopping else None,
        FLAGS.seed,
    )


def _picture(flag: str) -> Path | None:
    """The flag's path, once it is certain that a picture can be written there."""
    named = FLAGS[flag].value
    if named is None:
        return None
    path = Path(named)
    picture_files.check(path, flag)
    return path
