"""Chooses photos that judge a classifier fairly: none that it was trained on, unless the user asks for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import UserError
from ..formats.model import Model
from ..photos import folders, image_lists
from ..photos.image_lists import SPLITS, TESTING, VALIDATION, ImageLists
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

    def of(self, photos: list[LabelledPhoto]) -> list[LabelledPhoto]:
        """The photos to measure on; those of none of the labels belong to every set."""
        wanted = [photo for photo in photos if self.split in (ALL, photo.split) or photo.label is None]
        if not wanted:
            raise UserError(
                f"{self.lists.image_dir} has no {self.split} photos: give another --split, such as --split=all"
            )
        return wanted


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
    if split is not None:
        return Selection(lists, split)
    own = trained_on is not None and where.resolve() == folders.at(trained_on).resolve()
    if not own and not lists.ready_made:
        # The classifier has seen none of these.
        return Selection(replace(lists, photos=tuple(replace(photo, split=TESTING) for photo in lists.photos)), ALL)
    if lists.of(TESTING) or not lists.of(VALIDATION):
        return Selection(lists, TESTING)
    return Selection(
        lists,
        VALIDATION,
        "no photos were kept for testing, so these are the validation photos: training may have been tuned on them, "
        "and new photos may do a little worse",
    )
