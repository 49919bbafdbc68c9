"""Writes texts, numbers and sections into HTML."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from ...drawing import percent as percents
from ...training.accuracy import interval_95

# HTML cannot hold control characters, nor the surrogates that stand for bytes of file names that are not UTF-8.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")

_SEPARATORS = re.compile(r"[/_.-]+(?=[^/_.-])(?!\w{1,5}$)")  # but not before a file name's ending

# Fewer photos are called few: their interval is often more than ten points wide.
FEW_PHOTOS = 200


@dataclass(frozen=True)
class Section:
    anchor: str
    heading: str
    body: str


def text(value: object) -> str:
    """Anything as plain text, escaped for an element or a quoted attribute."""
    return html.escape(_UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(value)), quote=True)


def name(value: object) -> str:
    """A label, isolated so that one written from right to left does not turn its surroundings."""
    return f"<bdi>{text(value)}</bdi>"


def path(value: object) -> str:
    """A path, which may break after separators rather than inside words."""
    return "<bdi>" + _SEPARATORS.sub(r"\g<0><wbr>", text(value)) + "</bdi>"


def percent(share: float, decimals: int = 0) -> str:
    """78 %, in HTML. Rounding never gives 100 % or 0 %, but > 99 % or < 1 %."""
    shown = percents.percent(share, decimals).replace(" ", "\u00a0")
    return shown.replace("<", "&lt;\u2009").replace(">", "&gt;\u2009")


def or_dash(share: float | None, decimals: int = 0) -> str:
    return "–" if share is None else percent(share, decimals)


def decimals(total: int) -> int:
    """The decimals that a share of `total` photos deserves."""
    return 0 if total < FEW_PHOTOS else 1


def share_of(part: int, total: int) -> str:
    return f"{part:,} of {total:,}"


def share(part: int, total: int) -> str:
    """A share of photos with its 95 % interval."""
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
    """A box that scrolls sideways, with the keyboard too, if its content is wider than the screen."""
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{text(what)}">{content}</div>'
