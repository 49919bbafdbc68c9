"""Which photos the classifier has seen in training, by their content, whatever their names and folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from .. import lookahead, machine
from ..errors import UserError
from ..photos import folders
from ..photos.digests import digest
from ..photos.folders import Place
from ..photos.image_lists import TESTING, TRAINING, VALIDATION
from ..photos.wording import counted
from ..showing import Show
from ..training import seen
from ..training.seen import Seen
from .judged import spoken
from .looking import LabelledPhoto
from .selection import ALL, Selection

_AHEAD = 64


@dataclass(frozen=True)
class Exposure:
    """Photos whose `split` is the use that training made of them: testing is none."""

    photos: list[LabelledPhoto]
    measured: list[LabelledPhoto]  # those of them to judge by
    left_out: list[LabelledPhoto]  # to be judged by, had training not seen them
    proven: bool  # the record knows the content of every photo that training has seen

    def describe_left_out(self, chosen: Selection) -> str:
        """If any are left out."""
        which = "" if chosen.split == ALL else f"{spoken(chosen.split)} "
        photos = counted(len(self.left_out), f"{which}photo")
        example = self.left_out[0].path + (" ..." if len(self.left_out) > 1 else "")
        return f"left out {photos} that training has seen ({example})"


def find(record: dict | None, chosen: Selection, photos: Sequence[LabelledPhoto], show: Show) -> Exposure:
    """Of `photos` in the chosen folder. Reads those that may have been seen, if the record can tell."""
    known, wanted = seen.of(record), frozenset(photo.path for photo in chosen.of(photos))
    exposed = list(photos) if known is None else _recognised(known, chosen, photos, show)
    candidates = [photo for photo in exposed if photo.path in wanted]
    spoiled = () if known is None else chosen.spoiled_by
    measured = [photo for photo in candidates if photo.split not in spoiled]
    return Exposure(exposed, measured, [photo for photo in candidates if photo.split in spoiled], known is not None)


def refuse_nothing_new(exposure: Exposure, chosen: Selection) -> None:
    if exposure.measured:
        return
    uses = Counter(photo.split for photo in exposure.left_out)
    words, one = {TRAINING: "trained on", VALIDATION: "tuned on"}, len(exposure.left_out) == 1
    used = " and ".join(f"{words[use]} {'it' if one else f'{uses[use]:,}'}" for use in words if uses[use])
    photos = "the only photo" if one else f"all {len(exposure.left_out):,} photos"
    raise UserError(
        f"the classifier has seen {photos} to measure on in {chosen.lists.image_dir}: it was {used}; give photos that "
        f"are new to it, or --split={ALL} to measure on {'this' if one else 'these'}"
    )


def _recognised(known: Seen, chosen: Selection, photos: Sequence[LabelledPhoto], show: Show) -> list[LabelledPhoto]:
    """In the folder that it was trained on, a photo counts as seen by its content or by its place there: it may have
    been turned or saved again since."""
    unsure = [photo for photo in photos if not (chosen.own and photo.split == TRAINING)]
    contents = _digests(chosen.lists.image_dir, [photo.path for photo in unsure], show)
    found = dict(zip(contents, known.uses(list(contents.values())), strict=True))
    return [replace(photo, split=_use(photo, found.get(photo.path), chosen.own)) for photo in photos]


def _use(photo: LabelledPhoto, recognised: str | None, own: bool) -> str:
    if not own:
        return recognised or TESTING  # nobody has seen a photo that cannot be read
    return min((use for use in (photo.split, recognised) if use is not None), key=(TRAINING, VALIDATION, TESTING).index)


def _digests(image_dir: Place, paths: Sequence[str], show: Show) -> dict[str, bytes]:
    """The digest of each photo that can be read; looking at the others says why they cannot."""

    def work(path: str) -> bytes | None:
        try:
            return digest(folders.contents(image_dir / path))
        except OSError:
            return None

    found = {}
    with ThreadPoolExecutor(folders.readers(image_dir, machine.cores())) as pool, show(len(paths)) as advance:
        for path, content in zip(paths, lookahead.results(pool, work, paths, _AHEAD), strict=True):
            advance(1)
            if content is not None:
                found[path] = content
    return found
