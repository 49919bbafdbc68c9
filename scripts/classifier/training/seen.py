"""Which photos a training has seen, by their content: a classifier is not to be judged by what it learned from.

The record holds eight bytes of each training and validation photo's digest, in base64: 10.7 bytes a photo. A million
photos that are compared with a million others give a false match once in eighteen million cases.

Photos that were saved again or made smaller are not recognised. A fingerprint of the bottlenecks as small as this does
not find them: of the signs of random projections, standardised, 64 bits find 51 % of 400 flower photos saved again with
quality 70 and 32 % of those reduced to 60 %, if 1 % of held-out flowers may pass for seen; of 2,930 photos 56 and 37 %.

A photo whose format gets new digests (see photos/digests.py) is no longer recognised by older records.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..photos.image_lists import ImageLists
from ..photos.splitting import TESTING, TRAINING, VALIDATION

RECORDED = "seen"
_SETS = TRAINING, VALIDATION
_BYTES, _NUMBERS = 8, np.dtype("<u8")


@dataclass(frozen=True)
class Seen:
    training: np.ndarray
    validation: np.ndarray

    def uses(self, contents: Sequence[bytes]) -> list[str]:
        """What training used each photo for, by its digest: training, validation, or nothing, which is testing."""
        wanted = _numbers(contents)
        trained, tuned = np.isin(wanted, self.training), np.isin(wanted, self.validation)
        return np.where(trained, TRAINING, np.where(tuned, VALIDATION, TESTING)).tolist()


def as_record(*folders: tuple[ImageLists, Mapping[str, bytes]]) -> dict[str, str]:
    """Of the photos in each folder, with the digest of each photo."""
    return {
        split: _packed([contents[photo.path] for lists, contents in folders for photo in lists.of(split)])
        for split in _SETS
    }


def of(record: dict | None) -> Seen | None:
    """None if the record does not say, as those of earlier versions and of other programs."""
    entry = (record or {}).get(RECORDED)
    return None if entry is None else Seen(*(_unpacked(entry[split]) for split in _SETS))


def is_entry(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    try:
        for split in _SETS:
            _unpacked(value.get(split))
    except (TypeError, ValueError):  # binascii.Error is a ValueError
        return False
    return True


def _numbers(contents: Sequence[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(content[:_BYTES] for content in contents), _NUMBERS)


def _packed(contents: Sequence[bytes]) -> str:
    """In order, so that the same photos give the same record whatever their names."""
    return base64.b64encode(np.unique(_numbers(contents)).tobytes()).decode("ascii")


def _unpacked(text: object) -> np.ndarray:
    if not isinstance(text, str):
        raise TypeError("not base64")
    return np.frombuffer(base64.b64decode(text, validate=True), _NUMBERS)
