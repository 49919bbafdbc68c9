"""The flags that benchmarks share, and the objects made from them: each benchmark defines those it uses."""

from pathlib import Path

from benchmarks.tools.study import Study
from benchmarks.tools.workbench import Workbench
from scripts.classifier.backbones import table
from scripts.classifier.errors import UserError
from scripts.classifier.photos import fitting
from scripts.classifier.training.recipe import Recipe
from scripts.console import flags

FLAGS = flags.FLAGS


def define_photos() -> None:
    """For every benchmark of pretrained networks."""
    flags.DEFINE_string("photos", "tf_files/flower_photos", "The folder of JPEG photos: one folder for each label.")
    flags.DEFINE_string("model_dir", "tf_files/models", "Where pretrained networks are kept.")


def define_network() -> None:
    """For benchmarks of one network."""
    define_photos()
    flags.DEFINE_string("architecture", "mobilenet_0.25_224", "The pretrained network.")


def define_work(count: int, steps: int, rounds: int) -> None:
    """How much work is done."""
    flags.DEFINE_integer("count", count, "Number of photos, copied from those in --photos.", 20)
    flags.DEFINE_integer("steps", steps, "Number of training steps.", 1)
    flags.DEFINE_integer("rounds", rounds, "Number of times each figure is measured; the median counts.", 1)


def define_folds() -> None:
    """How photos are cross-validated."""
    flags.DEFINE_integer("steps", Recipe.steps, "Number of training steps of the final layer.", 1)
    flags.DEFINE_integer("folds", 5, "Number of folds, each judged by a classifier trained on the others.", 2)


def workbench(folder: Path, steps: int = 1, rounds: int = 1) -> Workbench:
    """A workbench in this folder."""
    table.resolve(FLAGS.architecture)
    return Workbench(folder, Path(FLAGS.photos), Path(FLAGS.model_dir), FLAGS.architecture, FLAGS.count, steps, rounds)


def study(folder: Path, bottleneck: str = table.LAST, views: int = 1, fit: str = fitting.SQUEEZE) -> Study:
    """A study in this folder."""
    table.resolve(FLAGS.architecture)
    photos, model_dir = existing(FLAGS.photos), Path(FLAGS.model_dir)
    return Study(folder, photos, model_dir, FLAGS.architecture, FLAGS.steps, bottleneck, views, fit)


def existing(folder: str) -> Path:
    if not Path(folder).is_dir():
        raise UserError(f"{folder} is not a folder: give a folder of photos")
    return Path(folder)
