"""Writes texts, numbers and sections into HTML."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from ...training.accuracy import interval_95

# What HTML has no way to hold: halves of letters, as file names that are no UTF-8 give, and control characters.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")

# Fewer are called few: their interval is more than ten points wide.
FEW_PHOTOS = 200


@dataclass(frozen=True)
class Section:
    anchor: str
    heading: str
    body: str


def text(value: object) -> str:
    """Anything as text that means itself, in an element or within the quotes of an attribute."""
    return html.escape(_UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(value)), quote=True)


def name(value: object) -> str:
    """A label or file name, which may be written from right to left without turning its surroundings."""
    return f"<bdi>{text(value)}</bdi>"


def percent(share: float, decimals: int = 0) -> str:
    """78 %, in HTML; never 100 % for less than all, nor 0 % for more than nothing, but > 99 % and < 1 %."""
    shown = f"{100 * share:.{decimals}f}"
    if share < 1 and float(shown) >= 100:
        shown = f"&gt;\u2009{100 - 10.0**-decimals:.{decimals}f}"
    elif share > 0 and float(shown) == 0:
        shown = f"&lt;\u2009{10.0**-decimals:.{decimals}f}"
    return f"{shown}\u00a0%"


def or_dash(share: float | None, decimals: int = 0) -> str:
    return "–" if share is None else percent(share, decimals)


def decimals(total: int) -> int:
    """How exactly a share of so many photos can be told."""
    return 0 if total < FEW_PHOTOS else 1


def share(part: int, total: int) -> str:
    """A share of photos with what it likely is in truth."""
    low, high = interval_95(part, total)
    exact = decimals(total)
    return (
        f"{part:,} of {count(total, 'photo')} ({percent(part / total, exact)}; likely between "
        f"{percent(low, exact)} and {percent(high, exact)})"
    )


def count(number: int, singular: str, plural: str | None = None) -> str:
    """1 photo, 3,670 photos."""
    return f"{number:,}\u00a0{singular if number == 1 else plural or singular + 's'}"


def scrolling(what: str, content: str) -> str:
    """What may be wider than a phone: it scrolls by itself, with the keyboard too."""
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{text(what)}">{content}</div>'
