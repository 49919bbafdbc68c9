"""The flag for answers that hold the right label as often as promised."""

from ..classifier.errors import UserError
from ..classifier.formats.classifiers import Classifier
from ..classifier.training import sure
from . import flags

FLAGS = flags.FLAGS


def define(help: str) -> None:
    """Each command says what it does with it."""
    flags.group("classifier")
    flags.DEFINE_float("sure", None, help)


def percent() -> float | None:
    """The percentage, checked; None if the flag is not given."""
    try:
        return None if FLAGS.sure is None else sure.check(FLAGS.sure)
    except UserError as error:
        raise UserError(f"--{error}") from None


def check(classifier: Classifier, percent: float | None) -> None:
    """Refuses at once what this classifier cannot promise."""
    if percent is not None:
        classifier.sure.limit(percent)
