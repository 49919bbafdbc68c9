"""The flags about what is trained and how: the final layer, looking for a good recipe, fine-tuning."""

from absl import flags

from ..classifier.errors import UserError
from ..classifier.photos.distortions import Distortions
from ..classifier.training.fine_tuning.tuner import DISTORTIONS, Tuning
from ..classifier.training.recipe import ADAM, CLASS_WEIGHTS, LEARNING_RATES, SGD, Recipe

FLAGS = flags.FLAGS
flags.DEFINE_integer("how_many_training_steps", Recipe.steps, "How many random batches to train on.", 1)
flags.DEFINE_float(
    "learning_rate",
    None,
    f"How far a step goes; default: {LEARNING_RATES[SGD]:g}, with --optimizer=adam {LEARNING_RATES[ADAM]:g}.",
    0,
)
flags.DEFINE_integer(
    "eval_step_interval", Recipe.eval_step_interval, "How many steps from one evaluation to the next.", 1
)
flags.DEFINE_integer("train_batch_size", Recipe.batch_size, "How many photos a training step looks at.", 1)
flags.DEFINE_integer(
    "validation_batch_size", Recipe.validation_batch_size, "How many photos an evaluation looks at; -1: all.", -1
)
flags.DEFINE_list(
    "hidden_units",
    [],
    "Put hidden layers of so many units before the final one, as in 512,256, each "
    "with a rectifier (ReLU); default: none.",
)
flags.DEFINE_float(
    "dropout",
    Recipe.dropout,
    "What share of the values that hidden layers give is left out at random "
    "in each training step; without hidden layers, of the bottleneck's.",
)
flags.DEFINE_enum(
    "optimizer",
    Recipe.optimizer,
    list(LEARNING_RATES),
    "How slopes become steps: sgd goes straight "
    "down, as the original did, momentum keeps going, adam adapts to each weight and suits hidden "
    "layers.",
)
flags.DEFINE_float(
    "label_smoothing",
    Recipe.label_smoothing,
    "What share of certainty is spread over all labels, so that scores are less extreme.",
)
flags.DEFINE_float(
    "weight_decay", Recipe.weight_decay, "By how much weights shrink, a step by so many times the learning rate.", 0
)
flags.DEFINE_enum(
    "class_weights",
    Recipe.class_weights,
    CLASS_WEIGHTS,
    "balanced: every label counts alike, however "
    "few photos it has. As in the original, batches are drawn evenly over labels, so that the loss needs "
    "no weights. none: every photo counts alike, so that in doubt labels with many photos win.",
)
flags.DEFINE_integer(
    "early_stopping",
    None,
    "Stop after so many evaluations in a row without a lower cross entropy on "
    "the validation photos, and keep the weights that had the lowest. All of them are looked at each "
    "time.",
    1,
)
flags.DEFINE_bool(
    "tune",
    False,
    "Try a handful of recipes first, tell by the validation photos which is best, and "
    "train with that. What other flags ask for stays.",
)
flags.DEFINE_integer(
    "fine_tune_steps",
    0,
    "When the final layer is trained, go on for so many steps with the network's own weights, on distorted photos.",
    0,
)
flags.DEFINE_string(
    "fine_tune_from",
    None,
    "Leave the network as it is before this layer, a node of its graph or a "
    "scope of nodes; default: all of it is fine-tuned.",
)
flags.DEFINE_float(
    "fine_tune_learning_rate",
    Tuning.learning_rate,
    "How far a step of fine-tuning goes, as a share of "
    "what weights of the same layer usually are; it falls to 0 towards the end.",
    0,
)


def recipe(seed: int) -> Recipe:
    try:
        hidden = tuple(int(units) for units in FLAGS.hidden_units)
    except ValueError:
        said = ",".join(FLAGS.hidden_units)
        raise UserError(f"--hidden_units={said}: expected whole numbers with commas between, such as 512,256") from None
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
    """The settings of a recipe that the user asked for."""
    return {name for name in Recipe.__dataclass_fields__ if name in FLAGS and FLAGS[name].present}


def tuning(distorted: Distortions) -> Tuning | None:
    """On photos distorted so, or by its own default where that is not at all; None where nothing is fine-tuned."""
    if FLAGS.fine_tune_steps:
        distortions = distorted if distorted.any else DISTORTIONS
        return Tuning(FLAGS.fine_tune_steps, FLAGS.fine_tune_learning_rate, FLAGS.fine_tune_from, distortions)
    for name in ("fine_tune_from", "fine_tune_learning_rate"):
        if FLAGS[name].present:
            raise UserError(f"--{name} is for fine-tuning: say with --fine_tune_steps for how many steps")
    return None


def check_validation(photos: int) -> None:
    """What is told by validation photos needs some."""
    for name in ("tune", "early_stopping"):
        if FLAGS[name].value and not photos:
            raise UserError(
                f"--{name} looks at validation photos, and there are none: raise --validation_percentage, or add photos"
            )
