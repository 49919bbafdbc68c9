"""Says in words how a training went, and what to try."""

from __future__ import annotations

from dataclasses import dataclass

from ..final_layer import Evaluation
from .recipes import BASIC, CnnRecipe

# A gap from which on photos are learned by heart rather than understood. Some hundred validation photos alone make it
# five percent wide now and then.
_WIDE_GAP = 0.10
# Still learning: so much better over the last third of the epochs.
_RISE = 0.015

LEARNING, OVERFITTING, UNDERFITTING = "learning", "overfitting", "underfitting"


@dataclass(frozen=True)
class Verdict:
    name: str | None  # None where no validation photos tell
    text: str
    advice: tuple[str, ...]
    since_epoch: int | None = None  # of overfitting

    def lines(self) -> list[str]:
        return [f"verdict: {self.name or 'unknown'}: {self.text}", *(f"  to try: {each}" for each in self.advice)]


def best_epoch(history: list[Evaluation]) -> int:
    """Counted from 1. Of equal ones the first; without validation photos the last, and 0 before there is any."""
    if not history or history[-1].validation_accuracy is None:
        return len(history)
    accuracies = _validated(history)
    return 1 + accuracies.index(max(accuracies))


def judge(history: list[Evaluation], label_count: int, recipe: CnnRecipe) -> Verdict:
    last = history[-1]
    if last.validation_accuracy is None:
        return Verdict(None, "without validation photos nobody can tell", ("keep some: --validation_percentage=20",))
    validated = _validated(history)
    gaps = [at.accuracy - reached for at, reached in zip(history, validated, strict=True)]
    rising = _rises(validated)
    if gaps[-1] >= _WIDE_GAP:
        since = len(gaps)
        while since > 1 and gaps[since - 2] >= _WIDE_GAP:
            since -= 1
        text = (
            f"since epoch {since} photos trained on are told better than photos kept aside, at the end by "
            f"{100 * gaps[-1]:.0f} percentage points: the network learns its photos by heart"
        )
        return Verdict(OVERFITTING, text, _against_overfitting(recipe, best_epoch(history), len(history)), since)
    # Less than halfway from guessing to perfect.
    if last.accuracy < (1 + 1 / label_count) / 2 and not rising:
        text = f"only {100 * last.accuracy:.0f} % even of the photos trained on are told, and it gets no better"
        return Verdict(UNDERFITTING, text, _against_underfitting(recipe))
    text = (
        f"photos kept aside are told about as well as those trained on ({_points(gaps[-1])}), and it "
        f"{'was still getting better at the end' if rising else 'gets no better any more'}"
    )
    return Verdict(LEARNING, text, _for_more(recipe, rising))


def _validated(history: list[Evaluation]) -> list[float]:
    """The share of validation photos that were right after each epoch: all epochs have one, or none has."""
    return [at.validation_accuracy for at in history if at.validation_accuracy is not None]


def _rises(accuracies: list[float]) -> bool:
    third = max(1, len(accuracies) // 3)
    before = accuracies[:-third]
    return not before or max(accuracies[-third:]) >= max(before) + _RISE


def _points(gap: float) -> str:
    return f"{abs(100 * gap):.0f} percentage points {'worse' if gap >= 0 else 'better'}"


def _against_overfitting(recipe: CnnRecipe, best: int, epochs: int) -> tuple[str, ...]:
    advice = []
    if not recipe.augment:
        advice.append("--augment shows every photo differently each time")
    if not recipe.dropout:
        advice.append("--dropout=0.2 keeps it from relying on single values")
    if recipe.patience is None and best < epochs:
        advice.append(f"--early_stopping ends in time (the best epoch was {best})")
    advice.append("more photos help most, or a pretrained network: python -m scripts.retrain")
    return tuple(advice)


def _against_underfitting(recipe: CnnRecipe) -> tuple[str, ...]:
    advice = []
    if recipe.network == BASIC:
        advice.append("--network=deep can learn more")
    if recipe.dropout:
        advice.append("a smaller --dropout")
    if recipe.augment:
        advice.append("leave out --augment")
    if recipe.image_size < CnnRecipe.image_size:
        advice.append("a larger --image_size")
    advice.append("look whether the photos are in the right folders: --plot_samples=samples.png")
    return tuple(advice)


def _for_more(recipe: CnnRecipe, rising: bool) -> tuple[str, ...]:
    more = 2 * recipe.epochs
    if rising and recipe.network == BASIC:
        return (f"--resume --epochs={more} goes on from here",)
    if rising:
        return (f"--epochs={more}",)
    return (
        *(("--network=deep can learn more",) if recipe.network == BASIC else ()),
        "more photos, or a pretrained network: python -m scripts.retrain",
    )
