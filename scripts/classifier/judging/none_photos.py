"""Judges a classifier by the photos of none of the labels that its training kept for testing."""

from __future__ import annotations

from dataclasses import replace

from ..errors import UserError
from ..formats.classifiers import Classifier
from ..formats.model import Model
from ..photos import digests, folders, none_photos
from ..photos.folders import Place
from ..photos.image_lists import TESTING, VALIDATION, ImageLists
from ..showing import Show
from . import looking
from .judged import Strangers
from .looking import LabelledPhoto
from .selection import Selection


def judge(classifier: Classifier, chosen: Selection, show: Show) -> tuple[Strangers | None, list[str]]:
    """How they were answered, None if there are none or if unknown was not asked for; and warnings."""
    if not classifier.tells_unknown:
        return None, []
    try:
        lists = _find(classifier.model, chosen)
        return None if lists is None else _look(classifier, lists, show), []
    except UserError as error:  # others may have moved the folder since
        return None, [f"left out the photos of none of the labels ({error})"]


def _find(model: Model, chosen: Selection) -> ImageLists | None:
    """The test photos in --none_dir. None if there are none, or if `chosen` is another folder than was trained on."""
    options = (model.record or {}).get("options", {})
    none_dir, known = options.get("none_dir"), chosen.lists
    if none_dir is None or not chosen.own:
        return None
    testing, validation = (options.get(f"{split}_percentage", 10.0) for split in (TESTING, VALIDATION))
    place = folders.at(none_dir)
    lists = none_photos.scan(place, known.image_dir, testing, validation)
    # Reading the photos of the labels would take long: few have the size of one of these.
    sizes = {folders.size(place, photo.path) for photo in lists.photos}
    paths = (photo.path for photo in known.photos if folders.size(known.image_dir, photo.path) in sizes)
    lists, _ = none_photos.without_copies(
        lists, (_content(known.image_dir, path) for path in paths), lambda path: _content(place, path)
    )
    kept = replace(lists, photos=tuple(lists.of(TESTING)))
    return kept if kept.photos else None


def _content(place: Place, path: str) -> bytes | str:
    """The same for copies; of a photo that cannot be read, its own name."""
    try:
        return digests.digest(folders.contents(place / path))
    except OSError:
        return str(place / path)


def _look(classifier: Classifier, lists: ImageLists, show: Show) -> Strangers:
    photos = [LabelledPhoto(photo.path, None, photo.split) for photo in lists.photos]
    with show(len(photos)) as advance:
        looked = looking.look(classifier, lists, photos, advance)
    assert looked.unknown is not None, "the classifier tells unknown photos"
    return Strangers(lists.image_dir, [photo.path for photo in looked.photos], looked.scores, looked.unknown)
