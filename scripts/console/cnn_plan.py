"""The plan of a training from scratch: its flags, read and checked once, before any work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..classifier import machine
from ..classifier.backbones import engine as engines, gpu
from ..classifier.backbones.engine import Engine
from ..classifier.drawing import picture_files
from ..classifier.errors import UserError
from ..classifier.photos import fitting, folders, image_lists
from ..classifier.photos.folders import Place
from ..classifier.photos.image_lists import ImageLists
from ..classifier.showing import Show
from ..classifier.training.convnet import checkpoints, pictures, recipes
from ..classifier.training.convnet.checkpoints import Checkpoint
from ..classifier.training.convnet.pictures import Decoded
from ..classifier.training.convnet.recipes import CnnRecipe
from ..classifier.training.outcome import Places
from . import flags, output_flags
from .output_flags import WholeModel
from .path_kinds import FILE, FOLDER, PHOTOS, PICTURE

FLAGS = flags.FLAGS
flags.most_used("image_dir", "network", "epochs", "augment", "output_graph")
output_flags.define("tf_files/cnn_graph.pb", "tf_files/cnn_labels.txt", summaries_dir="tf_files/cnn_summaries")
flags.group("photos")
flags.DEFINE_path("image_dir", "tf_files/flower_photos", "The folder of photos, with a folder for each label.", PHOTOS)
flags.DEFINE_integer(
    "image_size", CnnRecipe.image_size, "Width and height that photos are scaled to, in pixels.", 8, 1024
)
flags.DEFINE_enum(
    "fit",
    CnnRecipe.fit,
    fitting.FITS,
    "How a photo becomes a square. squeeze: all of it, squeezed. crop: the largest square in its middle. pad: all of "
    "it, on grey. The classifier remembers it.",
)
flags.DEFINE_bool(
    "augment",
    CnnRecipe.augment,
    "Mirror, rotate and zoom training photos at random. The deep network mirrors and shifts them anyway.",
)
flags.DEFINE_float("testing_percentage", 0, "Percentage of photos kept aside for a final test.")
flags.DEFINE_float("validation_percentage", 20, "Percentage of photos kept aside to follow progress after each epoch.")
flags.DEFINE_path("skipped_images", "tf_files/skipped_images.txt", "The file that lists unreadable photos.", FILE)
flags.DEFINE_enum(
    "cache",
    pictures.AUTO,
    pictures.KINDS,
    "Where decoded photos are kept during training. auto: in memory if they fit, else on disk. none: decode them again "
    "in every epoch.",
)
flags.DEFINE_path(
    "cache_dir", "tf_files", "The folder for photos cached on disk, which are deleted after training.", FOLDER
)
flags.group("network")
flags.DEFINE_enum(
    "network",
    CnnRecipe.network,
    recipes.NETWORKS,
    "basic: three convolutions and a dense layer, as in the Keras tutorial. deep: a small residual network, slower and "
    "more accurate.",
)
flags.DEFINE_enum(
    "precision",
    "auto",
    engines.PRECISIONS,
    "Arithmetic during training. auto: bfloat16 if the processor or GPU has it, float16 on a GPU that has only that, "
    "else float32. The written classifier computes in float32.",
)
flags.group("training")
flags.DEFINE_integer("epochs", None, "Number of passes over all training photos. Default: 10; 20 for deep.", 1)
flags.DEFINE_integer("batch_size", None, "Number of photos in each training step. Default: 32; 128 for deep.", 1)
flags.DEFINE_float("dropout", CnnRecipe.dropout, "Dropout rate before the final layer, from 0 to 1.")
flags.DEFINE_bool("early_stopping", False, "Stop after --patience epochs without improvement.")
flags.DEFINE_integer("patience", 5, "Number of epochs to wait for an improvement, with --early_stopping.", 1)
flags.DEFINE_bool("resume", False, "Continue the training saved in --checkpoint after its last complete epoch.")
flags.DEFINE_path("checkpoint", "tf_files/cnn_checkpoint.npz", "Where training is saved after every epoch.", FILE)
flags.DEFINE_integer(
    "seed",
    CnnRecipe.seed,
    "Seed of all random numbers: the same seed on the same machine gives the same classifier.",
    0,
    2**32 - 1,
)
flags.group("output")
flags.DEFINE_path(
    "plot_curves",
    "tf_files/cnn_curves.png",
    "The picture file for the training curves, with the gap between training and validation shaded.",
    PICTURE,
)
flags.DEFINE_path("plot_samples", None, "Draw nine photos with their labels into this file before training.", PICTURE)
flags.DEFINE_path(
    "plot_augmented", None, "Draw nine views of one training photo, as the network sees it, into this file.", PICTURE
)


@dataclass(frozen=True)
class Plan:
    """Everything that a training needs to know, in the order of use."""

    image_dir: Place
    percentages: tuple[float, float]  # of testing and validation photos
    cache: str  # where decoded photos are kept
    cache_dir: Path
    skipped_file: Path
    samples: Path | None  # pictures to draw
    augmented: Path | None
    curves: Path | None
    recipe: CnnRecipe
    engine: Engine
    gpu_warnings: tuple[str, ...]
    checkpoint: Path
    resumed: Checkpoint | None
    summaries_dir: Path
    known_kept: float  # the share of known photos that --unknown should recognise
    calibrate: str  # whether scores are calibrated
    places: Places
    model: WholeModel | None
    quiet: bool

    def list_photos(self) -> ImageLists:
        return image_lists.scan(self.image_dir, *self.percentages)

    def decode(self, lists: ImageLists, show: Show) -> Decoded:
        return pictures.decode(
            lists, self.recipe, self.cache, self.cache_dir, self.percentages, self.skipped_file, show
        )

    def work(self) -> str:
        """The work ahead, in one line."""
        side, epochs = self.recipe.image_size, self.recipe.epochs
        train = f"train the {self.recipe.network} network from scratch for {epochs} epoch{'' if epochs == 1 else 's'}"
        if self.engine.gpu is not None:
            train += f" on {self.engine.place} in {self.engine.precision}"
        return f"decode the photos to {side} x {side} pixels, {train}, write {self.places.graph}"


def of_flags() -> Plan:
    """Refuses whatever is bound to fail, before looking at any photo."""
    machine.use_onednn()  # looking for a GPU may import TensorFlow
    recipe, found = _recipe(), gpu.look()
    engine = engines.of_this_machine(FLAGS.precision, large=True, gpu=found.gpu)
    checkpoint = Path(FLAGS.checkpoint)
    plan = Plan(
        image_dir=folders.at(FLAGS.image_dir),
        percentages=(FLAGS.testing_percentage, FLAGS.validation_percentage),
        cache=FLAGS.cache,
        cache_dir=Path(FLAGS.cache_dir),
        skipped_file=Path(FLAGS.skipped_images),
        samples=_picture("plot_samples"),
        augmented=_picture("plot_augmented"),
        curves=_picture("plot_curves"),
        recipe=recipe,
        engine=engine,
        gpu_warnings=found.warnings,
        checkpoint=checkpoint,
        resumed=checkpoints.read(checkpoint, recipe, engine.precision) if FLAGS.resume else None,
        summaries_dir=Path(FLAGS.summaries_dir),
        known_kept=FLAGS.known_photos_kept / 100,
        calibrate=FLAGS.calibrate,
        places=output_flags.places(),
        model=output_flags.whole_model(),
        quiet=FLAGS.quiet,
    )
    output_flags.check(plan.places, plan.model, checkpoint)
    return plan


def _recipe() -> CnnRecipe:
    if FLAGS["patience"].present and not FLAGS.early_stopping:
        raise UserError(f"--patience={FLAGS.patience} needs --early_stopping: give that too")
    return CnnRecipe(
        FLAGS.network,
        FLAGS.image_size,
        recipes.default_epochs(FLAGS.network) if FLAGS.epochs is None else FLAGS.epochs,
        recipes.default_batch_size(FLAGS.network) if FLAGS.batch_size is None else FLAGS.batch_size,
        FLAGS.dropout,
        FLAGS.augment,
        FLAGS.patience if FLAGS.early_stopping else None,
        FLAGS.seed,
        FLAGS.fit,
    )


def _picture(flag: str) -> Path | None:
    """The flag's path; raises if no picture can be written there."""
    named = FLAGS[flag].value
    if named is None:
        return None
    path = Path(named)
    picture_files.check(path, flag)
    return path
