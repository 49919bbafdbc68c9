"""The flags that benchmarks share, and what is made of them: each calls the functions that define those it has."""

from pathlib import Path

from benchmarks.tools.study import Study
from benchmarks.tools.workbench import Workbench
from scripts.classifier.backbones import table
from scripts.classifier.errors import UserError
from scripts.classifier.training.recipe import Recipe
from scripts.console import flags

FLAGS = flags.FLAGS


def define_network() -> None:
    """What every benchmark of pretrained networks has."""
    flags.DEFINE_string("photos", "tf_files/flower_photos", "The folder of JPEG photos: one folder for each label.")
    flags.DEFINE_string("model_dir", "tf_files/models", "Where pretrained networks are kept.")
    flags.DEFINE_string("architecture", "mobilenet_0.25_224", "The pretrained network that photos go through.")


def define_work(count: int, steps: int, rounds: int) -> None:
    """How much of everything is done."""
    flags.DEFINE_integer("count", count, "How many photos there shall be, made of those in --photos.", 20)
    flags.DEFINE_integer("steps", steps, "How many training steps are taken.", 1)
    flags.DEFINE_integer("rounds", rounds, "How often each thing is measured; the median counts.", 1)


def define_folds() -> None:
    """How photos are cross-validated."""
    flags.DEFINE_integer("steps", Recipe.steps, "How many steps the final layer is trained.", 1)
    flags.DEFINE_integer(
        "folds", 5, "Into how many parts the photos are dealt, each judged by what the others taught.", 2
    )


def workbench(folder: Path, steps: int = 1, rounds: int = 1) -> Workbench:
    """What measures the machine works there."""
    table.resolve(FLAGS.architecture)
    return Workbench(folder, Path(FLAGS.photos), Path(FLAGS.model_dir), FLAGS.architecture, FLAGS.count, steps, rounds)


def study(folder: Path, bottleneck: str = table.LAST, views: int = 1) -> Study:
    """What is cross-validated."""
    table.resolve(FLAGS.architecture)
    return Study(
        folder, existing(FLAGS.photos), Path(FLAGS.model_dir), FLAGS.architecture, FLAGS.steps, bottleneck, views
    )


def existing(folder: str) -> Path:
    if not Path(folder).is_dir():
        raise UserError(f"{folder} is no folder: give a folder of photos")
    return Path(folder)
