"""Flags about training: the final layer, the search for a good recipe, fine-tuning."""

from ..classifier.errors import UserError
from ..classifier.photos.distortions import Distortions
from ..classifier.training.fine_tuning.tuner import DISTORTIONS, Tuning
from ..classifier.training.recipe import ADAM, CLASS_WEIGHTS, LEARNING_RATES, SGD, Recipe
from . import flags

FLAGS = flags.FLAGS
flags.group("training")
flags.DEFINE_integer("how_many_training_steps", Recipe.steps, "Number of training steps, each on a random batch.", 1)
flags.DEFINE_float(
    "learning_rate",
    None,
    f"Learning rate. Default: {LEARNING_RATES[SGD]:g}; with --optimizer=adam {LEARNING_RATES[ADAM]:g}.",
    0,
)
flags.DEFINE_integer("train_batch_size", Recipe.batch_size, "Number of photos in each training step.", 1)
flags.DEFINE_integer("eval_step_interval", Recipe.eval_step_interval, "Number of steps between evaluations.", 1)
flags.DEFINE_integer(
    "validation_batch_size",
    Recipe.validation_batch_size,
    "Number of validation photos in each evaluation; -1 takes them all.",
    -1,
)
flags.DEFINE_list(
    "hidden_units",
    [],
    "Add hidden layers of these sizes, such as 512,256, before the final layer, each with a ReLU. Default: none.",
)
flags.DEFINE_float(
    "dropout",
    Recipe.dropout,
    "Dropout rate after each hidden layer, from 0 to 1; without hidden layers, on the bottleneck.",
)
flags.DEFINE_enum(
    "optimizer",
    Recipe.optimizer,
    list(LEARNING_RATES),
    "How gradients become updates: sgd is plain gradient descent, as in the original; momentum averages over past "
    "gradients; adam adapts to each weight and suits hidden layers.",
)
flags.DEFINE_float(
    "label_smoothing",
    Recipe.label_smoothing,
    "Share of the target spread evenly over all labels, from 0 to 1, which makes scores less extreme.",
)
flags.DEFINE_float(
    "weight_decay",
    Recipe.weight_decay,
    "Weight decay: each step shrinks weights by this share of themselves, times the learning rate.",
    0,
)
flags.DEFINE_enum(
    "class_weights",
    Recipe.class_weights,
    CLASS_WEIGHTS,
    "balanced: every label counts the same, however few photos it has. Like the original, it draws batches evenly "
    "over labels instead of weighting the loss. none: every photo counts the same, which favours labels with many "
    "photos.",
)
flags.DEFINE_integer(
    "early_stopping",
    None,
    "Stop after this number of evaluations without a lower cross entropy, and keep the best weights. Each evaluation "
    "then looks at all validation photos.",
    1,
)
flags.DEFINE_bool(
    "tune",
    False,
    "Try a handful of recipes first and train with the one that is best on the validation photos. Settings that are "
    "given as flags stay fixed.",
)
flags.group("fine-tuning")
flags.DEFINE_integer(
    "fine_tune_steps",
    0,
    "After the final layer, train the network's own weights too for this number of steps, on distorted photos.",
    0,
)
flags.DEFINE_string(
    "fine_tune_from",
    None,
    "Fine-tune only from this layer on: a node of the network's graph, or a scope of nodes. Default: all layers.",
)
flags.DEFINE_float(
    "fine_tune_learning_rate",
    Tuning.learning_rate,
    "Size of a fine-tuning step, relative to the layer's RMS weight; it decays to 0.",
    0,
)


def recipe(seed: int) -> Recipe:
    try:
        hidden = tuple(int(units) for units in FLAGS.hidden_units)
    except ValueError:
        given = ",".join(FLAGS.hidden_units)
        raise UserError(
            f"--hidden_units={given}: expected whole numbers with commas between, such as 512,256"
        ) from None
    return Recipe(
        FLAGS.how_many_training_steps,
        FLAGS.learning_rate,
        FLAGS.train_batch_size,
        FLAGS.validation_batch_size,
        FLAGS.eval_step_interval,
        seed,
        hidden,
        FLAGS.dropout,
        FLAGS.optimizer,
        FLAGS.label_smoothing,
        FLAGS.weight_decay,
        FLAGS.class_weights,
        FLAGS.early_stopping,
    )


def given() -> set[str]:
    """The settings of a recipe that are given as flags."""
    return {name for name in Recipe.__dataclass_fields__ if name in FLAGS and FLAGS[name].present}


def tuning(distorted: Distortions) -> Tuning | None:
    """The fine-tuning, with these distortions or, if there are none, the default ones; None without fine-tuning."""
    if FLAGS.fine_tune_steps:
        distortions = distorted if distorted.any else DISTORTIONS
        return Tuning(FLAGS.fine_tune_steps, FLAGS.fine_tune_learning_rate, FLAGS.fine_tune_from, distortions)
    for name in ("fine_tune_from", "fine_tune_learning_rate"):
        if FLAGS[name].present:
            raise UserError(f"--{name} is for fine-tuning: give --fine_tune_steps too, such as --fine_tune_steps=500")
    return None


def check_validation(photos: int) -> None:
    """Refuses flags that need validation photos if there are none."""
    for name in ("tune", "early_stopping"):
        if FLAGS[name].value and not photos:
            raise UserError(
                f"--{name} needs validation photos, and there are none: raise --validation_percentage, or add photos"
            )
