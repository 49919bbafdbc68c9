"""The flags of evaluate, apart from those about a log of answers."""

import shlex

from ..classifier.judging import selection
from . import flags, sure_flags
from .path_kinds import PAGE, PHOTOS

FLAGS = flags.FLAGS
flags.most_used("graph", "image_dir", "report", "unknown", "split")
flags.group("classifier")
flags.DEFINE_bool(
    "unknown",
    False,
    "Call photos unknown if they are unlike the training photos; photos in folders of other labels should be.",
)
sure_flags.define("Measure answers that should hold the right label in this percentage of cases, such as 95.")
flags.group("photos")
flags.DEFINE_path(
    "image_dir",
    None,
    "The folder of photos, with a folder for each label. Default: the folder that the classifier was trained on.",
    PHOTOS,
)
flags.DEFINE_enum(
    "split",
    None,
    selection.CHOICES,
    "The photos to measure on. Default: testing, in the folder that the classifier was trained on and in folders with "
    "their own split; all, in other folders. Unless training or all is given, photos that training has seen are left "
    "out.",
)
flags.group("output")
flags.DEFINE_path("report", None, "Write a page for the browser into this file, such as tf_files/report.html.", PAGE)
flags.DEFINE_bool("json", False, "Print JSON.")


def again(*more: str) -> str:
    """This command line again, with more flags."""
    given = [name for name in ("graph", "labels", "image_dir", "split", "unknown", "sure") if FLAGS[name].present]
    return shlex.join(["evaluate", *(f"--{name}={FLAGS[name].value}" for name in given), *more])
