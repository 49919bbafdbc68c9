"""Cards of the report: a photo, words and scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from ...photos.folders import Place
from ..judged import Judged
from . import markup
from .markup import count, name, percent, text
from .thumbnails import thumbnail

_SCORES_SHOWN = 3


def gallery(
    image_dir: Place,
    judged: Judged,
    rows: Iterable[int],
    most: int,
    what: str,
    words: Callable[[int], str],
    kinds: Callable[[int, int], str] | None = None,
) -> str:
    """A card for each photo; `kinds` gives the CSS class of the bar of (row, label)."""
    rows, kinds = list(rows), kinds or (lambda row, at: right_or_wrong(judged, row, at))
    shown = [
        card(
            image_dir,
            judged.paths[row],
            words(row),
            f"{judged.paths[row]}, labelled {judged.labels[judged.truth[row]]}",
            score_bars(judged.labels, judged.scores[row], int(judged.truth[row]), partial(kinds, row)),
        )
        for row in rows[:most]
    ]
    return cards(shown, len(rows), what)


def cards(shown: list[str], total: int, what: str, kind: str = "photos") -> str:
    more = ""
    if total > len(shown):
        more = f'<p class="more">These are the first {len(shown)} of {count(total, what)}.</p>'
    return f'<ul class="{kind}">{"".join(f"<li>{each}</li>" for each in shown)}</ul>{more}'


def card(image_dir: Place, path: str, words: str, alt: str, below: str) -> str:
    return (
        f"<figure>{_photo(image_dir, path, alt)}<figcaption><span>{words}</span>{below}"
        f'<span class="path">{markup.path(path)}</span></figcaption></figure>'
    )


def _photo(image_dir: Place, path: str, alt: str) -> str:
    small = thumbnail(image_dir / path)
    if small is None:
        return '<div class="photo">can no longer be read</div>'
    return (
        f'<div class="photo"><img src="{small.uri}" width="{small.width}" height="{small.height}" '
        f'alt="{text(alt)}"></div>'
    )


def right_or_wrong(judged: Judged, row: int, at: int) -> str:
    return "right" if at == judged.truth[row] else "wrong" if at == judged.guesses[row] else "other"


def score_bars(labels: tuple[str, ...], scores: np.ndarray, truth: int | None, kind: Callable[[int], str]) -> str:
    """The highest scores and that of the photo's label; `kind` gives the CSS class of a label's bar."""
    first = np.argsort(-scores, kind="stable")[:_SCORES_SHOWN].tolist()
    shown = first if truth is None or truth in first else [*first, truth]
    lines = []
    for at in shown:
        score = min(1.0, max(0.0, float(scores[at])))
        lines.append(
            f'<li class="{kind(at)}">{name(labels[at])}<i style="--w:{100 * score:.0f}%"></i>'
            f"<span>{percent(score)}</span></li>"
        )
    return f'<ul class="scores">{"".join(lines)}</ul>'


def bold(judged: Judged, at: int) -> str:
    """A label's name."""
    return f"<b>{name(judged.labels[at])}</b>"
