"""What a request to /label asks for in its address: /label?top_k=2&sure=95."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import in_short
from .refusals import Refused

# The default, as in label_image.
_TOP_K = 5


@dataclass(frozen=True)
class Wanted:
    top_k: int
    sure: float | None  # the percentage of answers that shall hold the right label; None: not asked for


def read(query: Mapping[str, str]) -> Wanted:
    return Wanted(_top_k(query.get("top_k")), _sure(query.get("sure")))


def _top_k(word: str | None) -> int:
    if word is None:
        return _TOP_K
    if not re.fullmatch(r"[1-9]\d{0,5}", word, re.ASCII):
        raise Refused(400, f"top_k={word[:20]}: expected a number of labels, at least 1")
    return int(word)


def _sure(word: str | None) -> float | None:
    if word is None:
        return None
    try:
        percent = float(word)
    except ValueError:
        percent = math.nan
    if not 0 < percent < 100:
        raise Refused(400, f"sure={in_short(word[:20])}: expected a percentage above 0 and below 100, such as 95")
    if percent < 1:  # in Python it is a share, so this is easily mixed up
        raise Refused(
            400, f"sure={in_short(word[:20])}: expected a percentage, not a share: did you mean {100 * percent:g}?"
        )
    return percent
