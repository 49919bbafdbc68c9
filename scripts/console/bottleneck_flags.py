"""The flags that say which photos become bottlenecks, in which views, where, and where they are kept."""

from absl import flags

from ..classifier.backbones.backbone import Backbone
from ..classifier.bottlenecks import gathering
from ..classifier.bottlenecks.cluster import driver, engine
from ..classifier.bottlenecks.extraction import Extract
from ..classifier.photos.distortions import Distortions, View, views_of
from ..classifier.training.recipe import Recipe

FLAGS = flags.FLAGS
flags.DEFINE_string("image_dir", "tf_files/flower_photos", "The folder of photos: one folder for each label.")
flags.DEFINE_string("skipped_images", "tf_files/skipped_images.txt", "Where unreadable photos are listed.")
flags.DEFINE_float("testing_percentage", 10, "How many of 100 photos are kept for the final test.")
flags.DEFINE_float("validation_percentage", 10, "How many of 100 photos show progress while training.")
flags.DEFINE_bool("flip_left_right", False, "Mirror half of the training views.")
flags.DEFINE_integer("random_crop", 0, "Margin, in percent, by which training views are cropped at random.", 0, 100)
flags.DEFINE_integer("random_scale", 0, "By how many percent training views are enlarged at random.", 0, 100)
flags.DEFINE_integer("random_brightness", 0, "By how many percent training views are made brighter or darker.", 0, 100)
flags.DEFINE_integer("distorted_views", 8, "With any of these four: how many views of each training photo.", 1)
flags.DEFINE_integer("seed", Recipe.seed, "The same seed on the same machine gives the same classifier.", 0)
flags.DEFINE_string(
    "bottleneck_dir",
    "tf_files/bottlenecks",
    "Where bottlenecks are kept; with --cluster a folder that all machines share.",
)
flags.DEFINE_string(
    "cluster",
    None,
    "Compute bottlenecks with Ray: on the cluster at ray://HOST:PORT; local: on one "
    "started here; auto: on the one that RAY_ADDRESS names or this machine belongs to, else one "
    "started here. Default: here, without Ray.",
)
flags.DEFINE_integer(
    "worker_cpus",
    None,
    "With --cluster: how many processors each worker takes; default: as many as "
    "the smallest machine has, four at most.",
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


def extract(backbone: Backbone, precision: str, tell: driver.Tell) -> Extract:
    """Computes where --cluster says; `tell` is called with words for the cluster."""
    if FLAGS.cluster is None:
        return gathering.extract_here(backbone, precision)
    return driver.extract_on(FLAGS.cluster, backbone, precision, tell, FLAGS.worker_cpus)
