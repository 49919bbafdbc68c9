"""Flags about photos, their distorted views, and where bottlenecks are computed and cached."""

from ..classifier.backbones.backbone import Backbone
from ..classifier.backbones.engine import Engine
from ..classifier.bottlenecks import gathering
from ..classifier.bottlenecks.cluster import driver, engine
from ..classifier.bottlenecks.extraction import Extract
from ..classifier.photos.distortions import Distortions, View, views_of
from ..classifier.training.recipe import Recipe
from . import flags
from .path_kinds import FILE, FOLDER, PHOTOS

FLAGS = flags.FLAGS
flags.group("photos")
flags.DEFINE_path("image_dir", "tf_files/flower_photos", "The folder of photos, with a folder for each label.", PHOTOS)
flags.DEFINE_float("testing_percentage", 10, "Percentage of photos kept aside for the final test.")
flags.DEFINE_float("validation_percentage", 10, "Percentage of photos kept aside to follow progress while training.")
flags.DEFINE_path("skipped_images", "tf_files/skipped_images.txt", "The file that lists unreadable photos.", FILE)
flags.group("distorted views of the training photos")
flags.DEFINE_bool("flip_left_right", False, "Mirror half of the views.")
flags.DEFINE_integer("random_crop", 0, "Crop views at random, by up to this margin in percent.", 0, 100)
flags.DEFINE_integer("random_scale", 0, "Enlarge views at random, by up to this percentage.", 0, 100)
flags.DEFINE_integer("random_brightness", 0, "Brighten or darken views at random, by up to this percentage.", 0, 100)
flags.DEFINE_integer(
    "distorted_views", 8, "Number of views of each training photo, if any of the four flags above is given.", 1
)
flags.group("training")
flags.DEFINE_integer(
    "seed", Recipe.seed, "Seed of all random numbers: the same seed on the same machine gives the same classifier.", 0
)
flags.group("bottlenecks")
flags.DEFINE_path(
    "bottleneck_dir",
    "tf_files/bottlenecks",
    "The folder where bottlenecks are cached. With --cluster, a folder that all machines share.",
    FOLDER,
)
flags.DEFINE_string(
    "cluster",
    None,
    "Compute bottlenecks with Ray. ray://HOST:PORT: on the cluster there. local: on a cluster started on this "
    "machine. auto: on the cluster that RAY_ADDRESS names or that this machine belongs to; if there is none, as "
    "local. Default: on this machine, without Ray.",
)
flags.DEFINE_integer(
    "worker_cpus",
    None,
    "Processors for each worker, with --cluster. Default: all that the smallest machine has, but no more than 4.",
    1,
)


def check() -> None:
    if FLAGS.cluster is not None:
        engine.check(FLAGS.cluster)


def percentages() -> tuple[float, float]:
    """Of testing and validation photos."""
    return FLAGS.testing_percentage, FLAGS.validation_percentage


def distortions() -> Distortions:
    return Distortions(FLAGS.flip_left_right, FLAGS.random_crop, FLAGS.random_scale, FLAGS.random_brightness)


def views() -> tuple[View, ...]:
    return views_of(distortions(), FLAGS.distorted_views, FLAGS.seed)


def extract(backbone: Backbone, on: Engine, tell: driver.Tell) -> Extract:
    """The function that computes bottlenecks, on a cluster if --cluster is given. `tell` takes its messages."""
    if FLAGS.cluster is None:
        return gathering.extract_here(backbone, on)
    return driver.extract_on(FLAGS.cluster, backbone, on.precision, tell, FLAGS.worker_cpus)
