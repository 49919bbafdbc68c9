"""The first and last messages of commands that train: what they will do and replace, what they wrote, what is next."""

from __future__ import annotations

import shlex
from pathlib import Path

from ..classifier.photos.image_lists import TESTING, VALIDATION, ImageLists
from ..classifier.training import replaced
from ..classifier.training.outcome import Outcome, Places
from .console import Console
from .output_flags import WholeModel

# The default of --graph in other commands.
_DEFAULT_GRAPH = Path("tf_files/retrained_graph.pb")


def begin(console: Console, lists: ImageLists, warnings: list[str], places: Places, work: str) -> None:
    """Before any work: describes the photos, warns about them and about files to be replaced, announces the `work`."""
    console.tell(lists.describe(), [*warnings, *replaced.warnings(places, lists)])
    console.say(f"plan: {work}")


def end(
    console: Console,
    outcome: Outcome,
    written: list[Path],
    model: WholeModel | None,
    lists: ImageLists,
    picture: Path | None = None,
) -> None:
    """After all is written: converts it for --output_model, and says where everything is and what to do next."""
    console.say(f"written: {', '.join(map(str, written))}")
    if model is not None:
        console.say(model.write(outcome.places.graph, outcome.labels, lists))
    if picture is not None:
        console.say(f"look at it: {picture}")
    console.suggest(*_next(outcome.places.graph, lists))


def _next(graph: Path, lists: ImageLists) -> list[tuple[str, str]]:
    chosen = [] if graph == _DEFAULT_GRAPH else [_flag("graph", graph)]
    held_out = lists.of(TESTING) or lists.of(VALIDATION)
    steps = [("serve it", " ".join(["serve", *chosen]))]
    if held_out:  # photos that it was not trained on, for a fair evaluation
        report = _flag("report", graph.with_name("report.html"))
        steps.insert(0, ("see how good it is", " ".join(["evaluate", *chosen, report])))
    if isinstance(lists.image_dir, Path):  # label_image reads local files
        photo = _flag("image", lists.image_dir / (held_out or lists.photos)[0].path)
        steps.insert(0, ("label a photo", " ".join(["label_image", *chosen, photo])))
    return steps


def _flag(name: str, path: Path) -> str:
    return f"--{name}={shlex.quote(str(path))}"
