"""The settings for training a final layer: their defaults, and checks for wrong values."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UserError

SGD, MOMENTUM, ADAM = "sgd", "momentum", "adam"
# Defaults. SGD's is that of the original retrain. Adam moves each weight by about this much, whatever the gradient.
LEARNING_RATES = {SGD: 0.01, MOMENTUM: 0.01, ADAM: 0.001}

# Every label counts the same, or every photo does.
BALANCED, NONE = "balanced", "none"
CLASS_WEIGHTS = (BALANCED, NONE)


@dataclass(frozen=True)
class Recipe:
    """The defaults are those of the original retrain."""

    steps: int = 4000
    learning_rate: float | None = None  # None: the optimizer's default (see `rate`)
    batch_size: int = 100
    validation_batch_size: int = 100  # -1: all validation photos each time
    eval_step_interval: int = 10
    seed: int = 0
    hidden_units: tuple[int, ...] = ()
    dropout: float = 0.0
    optimizer: str = SGD
    label_smoothing: float = 0.0
    weight_decay: float = 0.0
    class_weights: str = BALANCED
    early_stopping: int | None = None  # None: all steps are taken

    def __post_init__(self):
        if any(units < 1 for units in self.hidden_units):
            raise UserError(f"--hidden_units={_joined(self.hidden_units)}: a layer needs at least one unit")
        for name in ("dropout", "label_smoothing"):
            share = getattr(self, name)
            if not 0 <= share < 1:
                raise UserError(f"--{name}={share:g}: expected a number from 0 to below 1, such as 0.1")

    @property
    def rate(self) -> float:
        return LEARNING_RATES[self.optimizer] if self.learning_rate is None else self.learning_rate

    @property
    def evens_out_scale(self) -> bool:
        """True if bottlenecks are scaled to an RMS of 1 for training, and the weights scaled back afterwards.

        The initial weights of hidden layers and Adam's steps suit values of about 1. Without either, bottlenecks keep
        their scale, as in the original retrain.
        """
        return bool(self.hidden_units) or self.optimizer == ADAM


def _joined(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))
