"""Judges how a training went, and suggests next steps."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from ... import invocation
from ...photos.folders import Place
from .. import accuracy
from ..final_layer import Evaluation
from .recipes import BASIC, CnnRecipe, default_epochs

# From this gap on the network memorises photos rather than understanding them. With a few hundred validation
# photos, chance alone makes a gap of 5 % now and then.
_WIDE_GAP = 0.10
# Accuracy is still rising if the last third of the epochs raised it by at least this much.
_RISE = 0.015
# With fewer epochs, a third of them is a single one, which shows no trend.
_FEWEST_EPOCHS = 6

NOTHING, LEARNING, OVERFITTING, UNDERFITTING = "nothing learned", "learning", "overfitting", "underfitting"


@dataclass(frozen=True)
class Verdict:
    name: str | None  # None without validation photos to judge by
    text: str
    advice: tuple[str, ...]
    since_epoch: int | None = None  # of overfitting

    def lines(self) -> list[str]:
        return [f"verdict: {self.text}", *(f"  to try: {each}" for each in self.advice)]


def best_epoch(history: list[Evaluation]) -> int:
    """Counted from 1; the first of equals. Without validation photos the last, and 0 before there is any."""
    if not history or history[-1].validation_accuracy is None:
        return len(history)
    accuracies = _validated(history)
    return 1 + accuracies.index(max(accuracies))


def judge(
    history: list[Evaluation], validation: Sequence[int], recipe: CnnRecipe, image_dir: Place | None = None
) -> Verdict:
    """`validation` is the number of validation photos of each label; `image_dir` is named in the advice."""
    where = "" if image_dir is None else f" --image_dir={shlex.quote(str(image_dir))}"
    elsewhere = f"a pretrained network: {invocation.command(f'retrain{where}')}"
    last, label_count = history[-1], len(validation)
    if last.validation_accuracy is None:
        return Verdict(None, "none: there are no validation photos", ("keep some: --validation_percentage=20",))
    validated = _validated(history)
    gaps = [at.accuracy - reached for at, reached in zip(history, validated, strict=True)]
    rising, few_epochs = _rises(validated), len(validated) < _FEWEST_EPOCHS
    # Always naming the commonest label is right at least as often as drawing labels at random.
    total, guessing = sum(validation), max(validation) / sum(validation)
    if accuracy.interval_95(round(max(validated) * total), total)[0] <= guessing:
        memorises = min(gaps[-1], last.accuracy - guessing) >= _WIDE_GAP
        return Verdict(
            NOTHING, _no_better_than(guessing, max(validated), total), _for_a_start(recipe, memorises, elsewhere)
        )
    if gaps[-1] >= _WIDE_GAP:
        since = len(gaps)
        while since > 1 and gaps[since - 2] >= _WIDE_GAP:
            since -= 1
        text = (
            f"overfitting since epoch {since}: at the end {100 * last.accuracy:.0f} % of the training photos are right "
            f"but only {100 * validated[-1]:.0f} % of the validation photos, so it memorises its photos"
        )
        return Verdict(
            OVERFITTING, text, _against_overfitting(recipe, best_epoch(history), len(history), elsewhere), since
        )
    # Less than halfway from guessing to perfect.
    if last.accuracy < (1 + 1 / label_count) / 2 and not rising and not few_epochs:
        text = (
            f"underfitting: only {100 * last.accuracy:.0f} % even of the training photos are right, and accuracy has "
            "stopped rising"
        )
        return Verdict(UNDERFITTING, text, _against_underfitting(recipe))
    text = f"learning: validation accuracy is close to training accuracy ({_points(gaps[-1])}) and "
    if rising:
        text += "was still rising at the end"
    elif few_epochs:
        text += "may rise further: these are too few epochs to tell"
    else:
        text += "has stopped rising"
    return Verdict(LEARNING, text, _for_more(recipe, rising or few_epochs, elsewhere))


def _no_better_than(guessing: float, reached: float, total: int) -> str:
    found = f"{100 * reached:.1f} % of {total} validation photos"
    luck = "" if reached <= guessing else ", which could be luck"
    return f"has learned nothing yet: guessing gives {100 * guessing:.1f} %, the best epoch {found}{luck}"


def _validated(history: list[Evaluation]) -> list[float]:
    """Validation accuracy after each epoch: either all epochs have one or none has."""
    return [at.validation_accuracy for at in history if at.validation_accuracy is not None]


def _rises(accuracies: list[float]) -> bool:
    third = max(1, len(accuracies) // 3)
    before = accuracies[:-third]
    return not before or max(accuracies[-third:]) >= max(before) + _RISE


def _points(gap: float) -> str:
    points = f"{abs(100 * gap):.0f}"
    return f"{points} percentage point{'' if points == '1' else 's'} {'lower' if gap >= 0 else 'higher'}"


def _for_a_start(recipe: CnnRecipe, memorises: bool, elsewhere: str) -> tuple[str, ...]:
    return (
        "--augment: it memorises the training photos" if memorises and not recipe.augment else _more_epochs(recipe),
        "check that the photos are in the right folders: --plot_samples=samples.png",
        f"more photos, or {elsewhere}",
    )


def _against_overfitting(recipe: CnnRecipe, best: int, epochs: int, elsewhere: str) -> tuple[str, ...]:
    advice = []
    if not recipe.augment:
        advice.append("--augment changes every photo a little each time")
    if not recipe.dropout:
        advice.append("--dropout=0.2 keeps the network from relying on single values")
    if recipe.patience is None and best < epochs:
        advice.append(f"--early_stopping ends in time (the best epoch was {best})")
    return (*advice, f"more photos, which help most, or {elsewhere}")


def _against_underfitting(recipe: CnnRecipe) -> tuple[str, ...]:
    advice = []
    if recipe.epochs < default_epochs(recipe.network):
        advice.append(_more_epochs(recipe))
    if recipe.network == BASIC:
        advice.append("--network=deep can learn more")
    if recipe.dropout:
        advice.append("a smaller --dropout")
    if recipe.augment:
        advice.append("training without --augment")
    if recipe.image_size < CnnRecipe.image_size:
        advice.append("a larger --image_size")
    advice.append("check that the photos are in the right folders: --plot_samples=samples.png")
    return tuple(advice)


def _for_more(recipe: CnnRecipe, rising: bool, elsewhere: str) -> tuple[str, ...]:
    if rising:
        return (_more_epochs(recipe),)
    deep = ("--network=deep can learn more",) if recipe.network == BASIC else ()
    return (*deep, f"more photos, or {elsewhere}")


def _more_epochs(recipe: CnnRecipe) -> str:
    more = 2 * recipe.epochs
    # The learning rate of `deep` depends on the number of epochs, so it cannot resume with more.
    return f"--resume --epochs={more} continues from here" if recipe.network == BASIC else f"--epochs={more}"
