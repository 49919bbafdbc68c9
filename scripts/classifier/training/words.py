"""The messages of a retraining after each stage: (lines that --quiet leaves out, warnings)."""

from __future__ import annotations

from pathlib import Path

from ..backbones import table
from ..backbones.backbone import Backbone
from ..backbones.engine import Engine
from ..bottlenecks.cache import BottleneckCache
from ..bottlenecks.gathering import Gathered
from ..graphs import costs, frozen_graph
from ..photos import leaks
from ..photos.wording import counted
from . import accuracy
from .fine_tuning.stages import FineTuned
from .fine_tuning.tuner import Tuning
from .none_learning import NoneTold
from .outcome import Outcome
from .recipe import Recipe
from .trained import Trained

Words = tuple[list[str], list[str]]


def network(backbone: Backbone, engine: Engine) -> Words:
    lines = [] if backbone.name in table.NAMES else [backbone.describe()]
    lines += engine.describe()
    unknown_ops = ", ".join(frozen_graph.newer_than_tensorflow_1(backbone.graph_def))
    warning = f"TensorFlow 1 cannot read the written graph: it has no {unknown_ops}"
    return lines, [warning] if unknown_ops else []


def bottlenecks(gathered: Gathered, cache: BottleneckCache, seconds: float, skipped_file: Path) -> Words:
    warnings = []
    if cache.damaged:
        damaged = "1 cached bottleneck was" if cache.damaged == 1 else f"{cache.damaged} cached bottlenecks were"
        warnings.append(f"{damaged} damaged and computed again")
    warnings += unreadable(len(gathered.unreadable), skipped_file)
    warnings += gathered.lists.double_warnings(gathered.keys)
    warnings += leaks.warnings(gathered.lists, gathered.contents)
    total = sum(len(keys) for keys in gathered.keys.values())
    cached = total - min(total, gathered.computed)
    return [f"bottlenecks: {cached:,} cached, {gathered.computed:,} computed in {seconds:.1f} s"], warnings


def unreadable(photos: int, skipped_file: Path) -> list[str]:
    """The warning about photos left out, if there are any."""
    if not photos:
        return []
    return [f"left out {counted(photos, 'photo')} that cannot be read: see {skipped_file}"]


def training(trained: Trained, recipe: Recipe) -> Words:
    kept = "" if trained.best_step is None else f"; the final layer from step {trained.best_step:,} is kept"
    taken = f"after {trained.steps:,} of {recipe.steps:,} steps"
    if trained.stopped_early:
        return [f"training stopped early {taken}{kept}"], []
    if trained.steps < recipe.steps:
        return [], [f"stopped {taken}{kept or '; what was trained so far is kept'}"]
    return ([f"training took all {recipe.steps:,} steps{kept}"] if kept else []), []


def fine_tuning(tuned: FineTuned, tuning: Tuning, seconds: float) -> Words:
    stopped = f"fine-tuning stopped after {tuned.steps:,} of {tuning.steps:,} steps"
    warnings = [stopped] if tuned.steps < tuning.steps else []
    took = f"fine-tuning took {seconds:.0f} s"
    if not tuned.best_step:
        return [f"{took} and did not improve validation accuracy: the network stays as it was"], warnings
    change = ""
    if tuned.before is not None and tuned.after is not None:
        change = f"; validation accuracy went from {100 * tuned.before:.1f} % to {100 * tuned.after:.1f} %"
    return [f"{took}; the weights from step {tuned.best_step} of {tuned.steps} are kept{change}"], warnings


def calibration(trained: Trained) -> list[str]:
    return [] if trained.calibration is None else trained.calibration.describe()


def outcome(outcome: Outcome, names: tuple[str, ...], mistakes_too: bool) -> list[str]:
    lines = accuracy.misclassified(outcome.tested, names) if mistakes_too else []
    lines += accuracy.describe(outcome.tested, names)
    if outcome.known_kept is not None:
        kept = 100 * outcome.known_kept
        lines.append(f"with --unknown, {kept:.1f} % of the test photos are recognised as known")
    if outcome.none is not None:
        lines.append(_none(outcome.none))
    views = outcome.trained.backbone.views
    if views > 1:
        cost = costs.measure(outcome.graph_def, outcome.places.graph).multiply_adds
        lines.append(f"each photo costs {cost / 1e6:,.0f} million multiply-adds, {views} times those of one view")
    return lines


def _none(told: NoneTold) -> str:
    learned = f"learned from {counted(told.learned, 'photo')} of none of the labels"
    if not told.tested:
        return f"{learned}; none was kept for testing"
    are = "is" if told.turned_away == 1 else "are"
    of = f"of {counted(told.tested, 'other')}, {told.turned_away} {are} called unknown"
    return f"{learned}; {of}, {told.turned_away_without} without --none_dir"
