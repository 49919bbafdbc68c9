"""The words for a retraining's stages: (lines that --quiet leaves out, warnings)."""

from __future__ import annotations

from pathlib import Path

from ..backbones import table
from ..backbones.backbone import Backbone
from ..bottlenecks.cache import BottleneckCache
from ..bottlenecks.gathering import Gathered
from ..graphs import costs, frozen_graph
from . import accuracy
from .fine_tuning.stages import FineTuned
from .fine_tuning.tuner import Tuning
from .outcome import Outcome
from .recipe import Recipe
from .trained import Trained

Words = tuple[list[str], list[str]]


def network(backbone: Backbone) -> Words:
    lines = [] if backbone.name in table.NAMES else [backbone.describe()]
    unknown_ops = ", ".join(frozen_graph.newer_than_tensorflow_1(backbone.graph_def))
    warning = f"TensorFlow 1 will not read the written graph: it does not know {unknown_ops}"
    return lines, [warning] if unknown_ops else []


def bottlenecks(gathered: Gathered, cache: BottleneckCache, seconds: float, skipped_file: Path) -> Words:
    warnings = []
    if cache.damaged:
        warnings.append(f"{cache.damaged} cached bottlenecks were damaged and have been computed anew")
    if gathered.unreadable:
        warnings.append(f"{len(gathered.unreadable)} photos cannot be read: see {skipped_file}")
    warnings += gathered.lists.double_warnings(gathered.keys)
    total = sum(len(keys) for keys in gathered.keys.values())
    cached = total - min(total, gathered.computed)
    return [f"bottlenecks: {cached} cached, {gathered.computed} computed in {seconds:.1f} s"], warnings


def training(trained: Trained, recipe: Recipe) -> Words:
    kept = "" if trained.best_step is None else f", as it was after {trained.best_step}"
    taken = f"{trained.steps} of {recipe.steps} steps"
    if trained.stopped_early:
        return [f"training stopped by itself after {taken}; what is kept is the final layer{kept}"], []
    if trained.steps < recipe.steps:
        return [], [f"stopped after {taken}; what was trained so far{kept} is written"]
    return ([f"training took all {recipe.steps} steps; what is kept is the final layer{kept}"] if kept else []), []


def fine_tuning(tuned: FineTuned, tuning: Tuning, seconds: float) -> Words:
    taken = f"{tuned.steps} of {tuning.steps} steps"
    warnings = [f"fine-tuning stopped after {taken}"] if tuned.steps < tuning.steps else []
    if not tuned.best_step:
        outcome = "and did not help on the validation photos: the network stays as it was"
        return [f"fine-tuning took {seconds:.0f} s {outcome}"], warnings
    shares = ""
    if tuned.before is not None and tuned.after is not None:
        right, instead = 100 * tuned.after, 100 * tuned.before
        shares = f", of the validation photos {right:.1f} % are right instead of {instead:.1f} %"
    kept = f"kept as it was after {tuned.best_step} of {tuned.steps} steps"
    return [f"fine-tuning took {seconds:.0f} s; {kept}{shares}"], warnings


def outcome(outcome: Outcome, names: tuple[str, ...], mistakes_too: bool) -> list[str]:
    lines = accuracy.misclassified(outcome.tested, names) if mistakes_too else []
    lines += accuracy.describe(outcome.tested, names)
    if outcome.known_kept is not None:
        kept = 100 * outcome.known_kept
        lines.append(f"asked to tell unknown photos, it keeps {kept:.1f} % of the test photos as known")
    views = outcome.trained.backbone.views
    if views > 1:
        cost = costs.measure(outcome.graph_def, outcome.places.graph).multiply_adds
        lines.append(f"each photo costs {cost / 1e6:,.0f} million multiply-adds, {views} times as many as one view")
    return lines
