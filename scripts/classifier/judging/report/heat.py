"""Makes the report's small heat maps."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...drawing import heat
from ...errors import UserError
from ...formats import heat_maps
from ...formats.classifiers import Classifier
from ...formats.heat_maps import HeatMaps
from ...photos import folders
from ...photos.folders import Place
from ...photos.pixels import UnreadableImage
from ...photos.preprocessing import Overrides
from ..findings import Findings
from .thumbnails import LONGEST_SIDE, Thumbnail, embedded

# What spoke for the answer, and what for the right label.
Explained = tuple[Thumbnail, Thumbnail]


@dataclass(frozen=True)
class Heats:
    explained: dict[int, Explained] = field(default_factory=dict)  # by the row of a mistake
    why_not: str | None = None  # in one line, if this classifier can have none


def of_mistakes(classifier: Classifier, said: Overrides, found: Findings, image_dir: Place, most: int) -> Heats:
    """Of the first mistakes. `said` is what the classifier was opened with."""
    rows = found.mistakes[:most].tolist()
    if not rows:
        return Heats()
    try:
        maps = heat_maps.open_for(classifier, said)
        made = {row: _explained(maps, found, image_dir, row) for row in rows}
    except UserError as error:
        return Heats(why_not=str(error))
    return Heats({row: each for row, each in made.items() if each is not None})


def _explained(maps: HeatMaps, found: Findings, image_dir: Place, row: int) -> Explained | None:
    """None if the photo can no longer be read, which its card says."""
    judged = found.tested
    labels = [int(judged.guesses[row]), int(judged.truth[row])]
    try:
        (shown,) = maps.explain([folders.contents(image_dir / judged.paths[row])], [labels], LONGEST_SIDE)
    except (UnreadableImage, OSError):
        return None
    most = heat.most(shown.heats)
    guess, truth = (embedded(heat.overlay(shown.photo, each, shown.seen, most)) for each in shown.heats)
    return guess, truth
