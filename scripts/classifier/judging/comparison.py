"""Compares a classifier with its export to another format, in lines of text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..drawing.percent import percent
from ..errors import UserError
from ..formats.classifiers import Classifier
from ..photos.image_lists import TESTING, TRAINING, VALIDATION, ImageLists
from ..showing import Show
from ..training import accuracy
from . import drawn, exposure, looking, selection, side_by_side
from .exposure import Exposure
from .looking import LabelledPhoto
from .selection import Selection
from .side_by_side import Figures

_IN_WORDS = {TESTING: "test photos", VALIDATION: "validation photos (no test photos were kept)"}


@dataclass(frozen=True)
class Photos:
    lists: ImageLists
    training: list[LabelledPhoto]  # all photos, if none of the folder's are for training
    chosen: Selection
    exposed: Exposure

    @property
    def scored(self) -> list[LabelledPhoto]:
        """None that it is known to have been trained on."""
        return self.exposed.measured

    @property
    def in_words(self) -> str:
        """Which ones are scored; more about them is in brackets."""
        if self.chosen.split in _IN_WORDS:
            return _IN_WORDS[self.chosen.split]
        if self.exposed.proven:
            return "photos (training has seen none of them)"
        return "photos (it is not known whether training has seen them)"

    @property
    def none_scored(self) -> str:
        """Why none are."""
        if left_out := len(self.exposed.left_out):
            return (
                f"training has seen {'the only photo' if left_out == 1 else f'all {left_out:,} photos'} to score it on"
            )
        return f"{self.lists.image_dir} has no test or validation photos"


def find(classifier: Classifier, image_dir: str | None, show: Show) -> Photos | str:
    """The photos of the folder that the user names, else of the one it was trained on; or why there are none."""
    trained_on = (classifier.model.record or {}).get("options", {}).get("image_dir")
    if image_dir is None and trained_on is None:
        return f"{classifier.model.path} does not say which photos it was trained on"
    if image_dir is None and not Path(trained_on).is_dir():
        return f"the photos it was trained on are no longer in {trained_on}"
    try:
        chosen = selection.choose(classifier.model, image_dir, None)
        labelled = looking.match(chosen.lists, classifier.labels)[0]
    except UserError as error:
        if image_dir is not None:
            raise
        return str(error)
    known = [photo for photo in labelled if photo.label is not None]
    exposed = exposure.find(classifier.model.record, chosen, known, show)
    return Photos(chosen.lists, _training(exposed.photos) or _training(known) or known, chosen, exposed)


def _training(photos: list[LabelledPhoto]) -> list[LabelledPhoto]:
    return [photo for photo in photos if photo.split == TRAINING]


def describe(pair: list[Classifier], photos: Photos | str, show: Callable[[str, str], Show]) -> list[str]:
    """Size, accuracy and time of both, and how often they agree; without photos, how far apart their scores are."""
    paths = [each.model.path for each in pair]
    sizes = [f"{path!s:{max(len(str(each)) for each in paths)}}  {_size(path):>10}" for path in paths]
    if isinstance(photos, str) or not photos.scored:
        why = photos if isinstance(photos, str) else photos.none_scored
        return [
            f"not scored, as {why}: give photos with --image_dir to score it",
            *(f"  {size}" for size in sizes),
            f"  on {len(drawn.SEEDS)} drawn pictures, scores differ by at most {drawn.difference(*pair):.2g}",
        ]
    figures = [
        side_by_side.measure(each, photos.lists, photos.scored, show(f"scoring the {which}", "photos"))
        for which, each in zip(("original", "export"), pair, strict=True)
    ]
    same, total = side_by_side.same_guesses(*figures), figures[0].photos
    left_out = [photos.exposed.describe_left_out(photos.chosen)] if photos.exposed.left_out else []
    return [
        *left_out,
        f"scored on {total} {photos.in_words}:",
        *(f"  {size}  {_accuracy(each)}  {_time(each)}" for size, each in zip(sizes, figures, strict=True)),
        f"  the first label is the same on {same} of {total} {photos.in_words.partition(' (')[0]}",
    ]


def _accuracy(figures: Figures) -> str:
    low, high = accuracy.interval_95(figures.right, figures.photos)
    return f"{percent(figures.right / figures.photos)} right (95 % interval {100 * low:.0f} to {100 * high:.0f} %)"


def _time(figures: Figures) -> str:
    return f"{1000 * figures.seconds:.1f} ms per photo"


def _size(path: Path) -> str:
    return f"{side_by_side.size(path) / 1000:,.0f} kB"
