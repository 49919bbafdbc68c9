"""The report's section of mistakes, each with what in the photo spoke for the answer and for the right label."""

from __future__ import annotations

from functools import partial

from ...photos.folders import Place
from ..findings import Findings
from . import cards
from .heat import Explained, Heats
from .markup import Section, name, text

MOST = 24  # photos shown; the section says how many there are in all

_HEADING = "Worst mistakes"


def mistakes(found: Findings, image_dir: Place, heats: Heats | None) -> Section | None:
    """`heats` are None if they were not asked for."""
    if not len(found.tested):
        return None
    rows = found.mistakes
    if not len(rows):
        return Section("mistakes", _HEADING, "<p>None: every photo was recognised.</p>")
    body = "<p>Photos it got wrong, starting with those it was surest about.</p>"
    if heats is not None and heats.explained:
        body += (
            "<p>The brighter a place glows, the more it spoke for the label below: on the left the label that it gave, "
            "on the right the correct one. A glow beside the subject shows what it looked at instead.</p>"
        )
    if heats is not None and heats.why_not is not None:
        body += f'<p class="more">{text(heats.why_not)}</p>'
    shown = [_card(found, image_dir, row, heats) for row in rows[:MOST].tolist()]
    body += cards.cards(shown, len(rows), "mistake", "photos explained" if heats and heats.explained else "photos")
    return Section("mistakes", _HEADING, body)


def _card(found: Findings, image_dir: Place, row: int, heats: Heats | None) -> str:
    judged = found.tested
    path, truth, guess = judged.paths[row], int(judged.truth[row]), int(judged.guesses[row])
    words = f"{cards.bold(judged, truth)}, taken for {cards.bold(judged, guess)}"
    below = cards.score_bars(judged.labels, judged.scores[row], truth, partial(cards.right_or_wrong, judged, row))
    explained = None if heats is None else heats.explained.get(row)
    if explained is not None:
        below = _heat(explained, judged.labels[guess], judged.labels[truth]) + below
    return cards.card(image_dir, path, words, f"{path}, labelled {judged.labels[truth]}", below)


def _heat(explained: Explained, *labels: str) -> str:
    """The two pictures of heat, side by side."""
    halves = [
        f'<span><img src="{small.uri}" width="{small.width}" height="{small.height}" '
        f'alt="{text(f"What spoke for {label}")}">{name(label)}</span>'
        for small, label in zip(explained, labels, strict=True)
    ]
    return f'<div class="heat">{"".join(halves)}</div>'
