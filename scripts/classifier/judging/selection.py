"""Chooses photos that judge a classifier fairly: none that it was trained on, unless the user asks for them.

Here their places decide, as far as they can; `exposure` then looks at their contents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import UserError
from ..formats.model import Model
from ..photos import folders, image_lists
from ..photos.image_lists import SPLITS, TESTING, TRAINING, VALIDATION, ImageLists
from . import looking
from .looking import LabelledPhoto

ALL = "all"
CHOICES = (*SPLITS, ALL)


@dataclass(frozen=True)
class Selection:
    """A folder of photos and the set to measure on."""

    lists: ImageLists
    split: str  # one of CHOICES
    warning: str | None = None
    own: bool = False  # the folder is the one that the classifier was trained on
    asked: bool = False  # the user named the set

    @property
    def spoiled_by(self) -> tuple[str, ...]:
        """The uses in training that keep a photo from being measured on."""
        if self.split == VALIDATION:
            return (TRAINING,)
        return () if self.asked and self.split in (TRAINING, ALL) else (TRAINING, VALIDATION)

    def of(self, photos: Sequence[LabelledPhoto]) -> list[LabelledPhoto]:
        """The photos of the set; those of none of the labels belong to every set."""
        return [photo for photo in photos if self.split in (ALL, photo.split) or photo.label is None]

    def check(self, photos: Sequence[LabelledPhoto]) -> None:
        if not self.of(photos):
            raise UserError(
                f"{self.lists.image_dir} has no {self.split} photos: give another --split, such as --split=all"
            )


def check(image_dir: str | None) -> None:
    """Refuses a folder that holds no labels before a classifier is loaded. A folder at a URL takes long to list."""
    if image_dir is not None and isinstance(where := folders.at(image_dir), Path):
        image_lists.check_folder(where)


def choose(model: Model, image_dir: str | None, split: str | None) -> Selection:
    """The folder and set that the user gave, or fair defaults for those that are None."""
    trained_on = (model.record or {}).get("options", {}).get("image_dir")
    place = trained_on if image_dir is None else image_dir
    if place is None:
        raise UserError(
            f"{model.path} does not say what it was trained on: give --image_dir, a folder with one folder of photos "
            "for each label"
        )
    where = folders.at(place)
    lists = looking.scan(where, model.record)
    own = trained_on is not None and where.resolve() == folders.at(trained_on).resolve()
    if split is not None:
        return Selection(lists, split, own=own, asked=True)
    if not own and not lists.ready_made:
        # As far as the folder can tell, the classifier has seen none of these.
        return Selection(replace(lists, photos=tuple(replace(photo, split=TESTING) for photo in lists.photos)), ALL)
    if lists.of(TESTING) or not lists.of(VALIDATION):
        return Selection(lists, TESTING, own=own)
    return Selection(
        lists,
        VALIDATION,
        "no photos were kept for testing, so these are the validation photos: training may have been tuned on them, "
        "and new photos may do a little worse",
        own,
    )
