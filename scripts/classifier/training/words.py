"""What a terminal shows of a retraining's stages: (lines for who wants to know, warnings)."""

from __future__ import annotations

from ..bottlenecks.cache import BottleneckCache
from ..bottlenecks.gathering import Gathered
from .accuracy import Results
from .final_layer import Trainer
from .fine_tuning.stages import FineTuned
from .fine_tuning.tuner import Tuning
from .recipe import Recipe

Words = tuple[list[str], list[str]]


def bottlenecks(gathered: Gathered, cache: BottleneckCache, seconds: float, skipped_file: str) -> Words:
    warnings = []
    if cache.damaged:
        warnings.append(f"{cache.damaged} cached bottlenecks were damaged and have been computed anew")
    if gathered.unreadable:
        warnings.append(f"{len(gathered.unreadable)} photos cannot be read: see {skipped_file}")
    total = sum(len(keys) for keys in gathered.keys.values())
    cached = total - min(total, gathered.computed)
    return [f"bottlenecks: {cached} cached, {gathered.computed} computed in {seconds:.1f} s"], warnings


def training(trainer: Trainer, recipe: Recipe) -> Words:
    kept = "" if trainer.best_step is None else f", as it was after {trainer.best_step}"
    taken = f"{trainer.step} of {recipe.steps} steps"
    if trainer.stopped_early:
        return [f"training stopped by itself after {taken}; what is kept is the final layer{kept}"], []
    if trainer.step < recipe.steps:
        return [], [f"stopped after {taken}; what was trained so far{kept} is written"]
    return ([f"training took all {recipe.steps} steps; what is kept is the final layer{kept}"] if kept else []), []


def fine_tuning(tuned: FineTuned, tuning: Tuning, before: Results, after: Results, seconds: float) -> Words:
    """`before` and `after` are of the validation photos."""
    taken = f"{tuned.steps} of {tuning.steps} steps"
    warnings = [f"fine-tuning stopped after {taken}"] if tuned.steps < tuning.steps else []
    if not tuned.best_step:
        outcome = "and did not help on the validation photos: the network stays as it was"
        return [f"fine-tuning took {seconds:.0f} s {outcome}"], warnings
    shares = ""
    if before.accuracy is not None:
        right, instead = 100 * after.accuracy, 100 * before.accuracy
        shares = f", of the validation photos {right:.1f} % are right instead of {instead:.1f} %"
    kept = f"kept as it was after {tuned.best_step} of {tuned.steps} steps"
    return [f"fine-tuning took {seconds:.0f} s; {kept}{shares}"], warnings
