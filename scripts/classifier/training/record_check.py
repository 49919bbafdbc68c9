"""Checks the record of a training before anything relies on it: it comes from a file that may be damaged.

Only what is read later is checked, and nothing has to be there but how pictures are prepared and the labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import cast

from ..photos.fitting import FITS
from ..photos.preprocessing import CHANNELS
from ..photos.splitting import SPLITS
from . import seen

_LARGEST_NUMBER = 1e30  # what float32 holds, with some room
_MOST_PHOTOS = 10**12  # of which shares are still exact
# More than any network takes; a picture of this size takes 200 MB as numbers.
_LARGEST_SIDE = 4096


def fault(record: object) -> str | None:
    """What is wrong with it in a few words; None if it can be relied on."""
    if not isinstance(record, dict):
        return "it holds no record of a training"
    for path, (what, right) in _EXPECTED.items():
        value: object = record
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        needed = path in _NEEDED
        if (value is None and needed) or (value is not None and not right(value)):
            return f"its {'.'.join(path)} should be {what}"
    return None


def is_curve(value: object) -> bool:
    """True for columns of one length: steps, accuracies and losses, which may be missing or not finite.

    Those of validation photos may be left out together.
    """
    steps = value.get("step") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(steps, list) or not all(map(_step, steps)):
        return False
    rights = {"accuracy": _share, "cross_entropy": _loss}
    if value.get("validation_accuracy") is not None or value.get("validation_cross_entropy") is not None:
        rights |= {f"validation_{name}": right for name, right in rights.items()}
    columns = [(value.get(name), right) for name, right in rights.items()]
    return all(
        isinstance(column, list) and len(column) == len(steps) and all(map(right, column)) for column, right in columns
    )


_Right = Callable[[object], bool]


def _is(kind: type) -> _Right:
    return lambda value: isinstance(value, kind)


def _size(value: object) -> bool:
    return isinstance(value, int) and 1 <= value <= _LARGEST_SIDE


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST_NUMBER


def _divisor(value: object) -> bool:
    return _number(value) and value != 0


def _count(value: object) -> bool:
    return isinstance(value, int) and value >= 0


def _percentage(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < 100


def _words(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)


def _names(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def _interval(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_number, value))


def _step(value: object) -> bool:
    return _number(value) and cast(float, value) >= 0


def _share(value: object) -> bool:
    return value is None or _is_nan(value) or (_number(value) and 0 <= cast(float, value) <= 1)


def _loss(value: object) -> bool:
    return value is None or _is_nan(value) or value == math.inf or (_number(value) and cast(float, value) >= 0)


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _test(value: object) -> bool:
    """Whoever tells of a test tells all of it."""
    figures = ("accuracy", "interval_95")
    return isinstance(value, dict) and (not value.get("photos") or all(value.get(each) is not None for each in figures))


def _sure(value: object) -> bool:
    """Sums of scores, rising, for photos whose first label was not the right one."""
    if not isinstance(value, dict):
        return False
    photos, right, sums = (value.get(each) for each in ("photos", "right_at_once", "sums"))
    if not _count(photos) or not _count(right) or not isinstance(sums, list):
        return False
    others = cast(int, photos) - cast(int, right)
    enough = 0 < len(sums) <= others if others else not sums
    return enough and all(_number(each) and 0 <= each <= 1 for each in sums) and sums == sorted(sums)


def _expected(value: object) -> bool:
    """Whoever tells what to expect tells all of it, except the share of unknown photos."""
    if not isinstance(value, dict) or value.get("split") not in SPLITS:
        return False
    photos, shares, unknown = (value.get(each) for each in ("photos", "label_shares", "unknown"))
    return (
        _count(photos)
        and 1 <= cast(int, photos) <= _MOST_PHOTOS
        and isinstance(shares, dict)
        and bool(shares)
        and all(map(_finite_share, shares.values()))
        and (unknown is None or _finite_share(unknown))
        and all(_step(value.get(each)) for each in ("mean_score", "score_deviation"))
    )


def _finite_share(value: object) -> bool:
    return _number(value) and 0 <= cast(float, value) <= 1


def _splits(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(sizes, dict) and all(_count(sizes.get(split)) for split in SPLITS) for sizes in value.values()
    )


_EXPECTED: dict[tuple[str, ...], tuple[str, _Right]] = {
    ("preprocessing",): ("an object", _is(dict)),
    ("preprocessing", "input_height"): (f"a number of pixels, up to {_LARGEST_SIDE}", _size),
    ("preprocessing", "input_width"): (f"a number of pixels, up to {_LARGEST_SIDE}", _size),
    ("preprocessing", "input_mean"): ("a number", _number),
    ("preprocessing", "input_std"): ("a number other than 0", _divisor),
    ("preprocessing", "input_layer"): ("a name", _is(str)),
    ("preprocessing", "output_layer"): ("a name", _is(str)),
    ("preprocessing", "channels"): ("rgb or bgr", lambda value: value in CHANNELS),
    ("preprocessing", "fit"): (f"one of {', '.join(FITS)}", lambda value: value in FITS),
    ("labels",): ("a list of names", _words),
    ("category_names",): ("a name for each label", _names),
    ("options",): ("an object", _is(dict)),
    ("options", "image_dir"): ("a name", _is(str)),
    ("options", "none_dir"): ("a name", _is(str)),
    ("options", "testing_percentage"): ("a percentage", _percentage),
    ("options", "validation_percentage"): ("a percentage", _percentage),
    ("backbone",): ("an object", _is(dict)),
    ("backbone", "architecture"): ("a name", _is(str)),
    ("backbone", "bottleneck_tensor"): ("a name", _is(str)),
    ("backbone", "views"): ("a number from 1 on", lambda value: _count(value) and value != 0),
    ("recipe",): ("an object", _is(dict)),
    ("recipe", "hidden_units"): ("a list", _is(list)),
    ("unknown",): ("an object", _is(dict)),
    ("unknown", "test_photos_kept"): ("a number", _number),
    ("unknown_sha256",): ("a checksum", _is(str)),
    ("calibration",): ("an object", _is(dict)),
    ("calibration", "temperature"): ("a number above 0", lambda value: _number(value) and cast(float, value) > 0),
    ("sure",): ("numbers of photos and what they needed", _sure),
    (seen.RECORDED,): ("digests of training and validation photos", seen.is_entry),
    ("photos",): ("numbers of photos for each label", _splits),
    ("test",): ("an object with an accuracy and an interval_95", _test),
    ("test", "photos"): ("a number of photos", _count),
    ("test", "accuracy"): ("a number", _number),
    ("test", "interval_95"): ("two numbers", _interval),
    ("expected",): ("what answers to new photos should look like", _expected),
    ("curve",): ("columns of measurements", is_curve),
}
_NEEDED = {("preprocessing",), ("labels",)}
