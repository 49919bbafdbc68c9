"""The sections of the report that show photos: mistakes, doubtful ones, wrong labels, twins and strangers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from ...photos.folders import Place
from ...photos.image_lists import TESTING, TRAINING, VALIDATION
from ..findings import LOW_SCORE, Findings
from ..judged import Judged, Strangers
from ..measures import Measures
from ..near_duplicates import Pair
from ..perceptual_hash import BITS
from .markup import Section, count, name, percent, share, text
from .thumbnails import thumbnail

# How many photos a section shows; of the rest it says how many there are.
MOST_MISTAKES, MOST_UNCERTAIN, MOST_SUSPICIONS, MOST_PAIRS, MOST_STRANGERS = 24, 12, 24, 12, 12

_SCORES_SHOWN = 3

# In how many bits hashes differ at most, and what that means.
_LIKENESS = ((1, "the same picture"), (6, "almost the same"), (BITS, "very alike"))


def mistakes(found: Findings, image_dir: Place) -> Section | None:
    if not len(found.tested):
        return None
    rows = found.mistakes
    if not len(rows):
        return Section("mistakes", "Worst mistakes", "<p>There are none: every photo was recognised.</p>")

    def words(row: int) -> str:
        judged = found.tested
        return f"It is {_label(judged, judged.truth[row])}, and was taken for {_label(judged, judged.guesses[row])}."

    body = "<p>Photos that it got wrong, those first that it was surest about.</p>"
    body += _gallery(image_dir, found.tested, rows, MOST_MISTAKES, "mistake", words)
    return Section("mistakes", "Worst mistakes", body)


def uncertain(found: Findings, image_dir: Place) -> Section | None:
    if not len(found.uncertain):
        return None

    def words(row: int) -> str:
        judged = found.tested
        answer = "It got it right." if judged.right[row] else f"It said {_label(judged, judged.guesses[row])}."
        return f"It is {_label(judged, judged.truth[row])}. {answer}"

    body = (
        "<p>Photos between two labels: their two highest scores are close. More photos like these help most. Where "
        "you find it hard to say yourself, so does the classifier.</p>"
    )
    body += _gallery(image_dir, found.tested, found.uncertain, MOST_UNCERTAIN, "uncertain photo", words)
    return Section("uncertain", "Least certain", body)


def suspicions(found: Findings, image_dir: Place) -> Section | None:
    if not len(found.everything):
        return None
    learnt = found.everything.splits.count(TRAINING)
    searched = f"{count(len(found.everything), 'photo was', 'photos were')} searched."
    if learnt:
        searched += (
            f" The {count(learnt, 'photo')} it learned from were learned with their labels, wrong ones too, so that "
            "most wrong labels among these stay hidden."
        )
    if not found.suspicions:
        return Section("labels-to-check", "Labels to check", f"<p>No label looks wrong. {searched}</p>")
    suggested = {each.row: each.suggested for each in found.suspicions}

    def words(row: int) -> str:
        judged = found.everything
        seen = " It learned from this one." if judged.splits[row] == TRAINING else ""
        return f"Labelled {_label(judged, judged.truth[row])}. Is it {_label(judged, suggested[row])}?{seen}"

    def kinds(row: int, at: int) -> str:
        return "asked" if at == suggested[row] else "own" if at == found.everything.truth[row] else "other"

    body = (
        "<p>Photos that look so little like their own label and so much like another that the label may be wrong: "
        f"their own scores below {percent(LOW_SCORE)}, the other one as high as its own photos have it on average. "
        f"Some are mislabelled, others merely unusual: look for yourself. {searched}</p>"
    )
    body += _gallery(image_dir, found.everything, suggested, MOST_SUSPICIONS, "doubtful label", words, kinds)
    return Section("labels-to-check", "Labels to check", body)


def near_identical(found: Findings, image_dir: Place) -> Section | None:
    near = found.near
    if near is None:
        return None
    across = sum(number for sets, number in near.pairs.items() if len(set(sets)) > 1)
    within = sum(near.pairs.values()) - across
    parts = []
    if near.across_sets:
        held = [
            f"{count(number, f'{one} photo')} also in {other}"
            for one, other, number in (
                (one, other, near.copies.get((one, other), 0))
                for one, other in ((TESTING, TRAINING), (VALIDATION, TRAINING), (TESTING, VALIDATION))
            )
            if number
        ]
        parts.append(
            "<p>The same picture twice, or two of one scene, in different sets: a photo that was learned from helps to "
            "recognise its twin, which makes the figures above look better than they are. Delete one of each two, or "
            f"put both in the same set.{f' Found: {text(_listed(held))}.' if held else ''}</p>"
            f"{_pairs(found.everything, image_dir, near.across_sets)}"
        )
    elif len(set(found.everything.splits)) > 1:
        parts.append("<p>No photo has a nearly identical twin in another set, so none flatters the figures above.</p>")
    if near.across_labels:
        parts.append(
            "<h3>The same picture under two labels</h3><p>One of the labels is wrong, or the picture shows both.</p>"
            f"{_pairs(found.everything, image_dir, near.across_labels)}"
        )
    parts.append(
        f'<p class="more">{count(near.compared, "photo")} compared: {count(across, "pair")} across sets, '
        f"{count(within, 'pair')} within a set.</p>"
    )
    return Section("near-identical", "Nearly identical photos", "".join(parts))


def unknown(measures: Measures, strangers: Strangers | None) -> Section | None:
    turned_away = measures.turned_away
    if turned_away is None and strangers is None:
        return None
    body = "<p>A classifier that can say “none of these” should turn away what it does not know, and nothing else.</p>"
    if turned_away is not None and measures.total:
        body += f"<p><b>Turned away by mistake:</b> {share(turned_away.by_mistake, measures.total)} of known labels."
        kept = turned_away.answered
        if kept.total:
            body += f" Of the others, {share(kept.right, kept.total)} were recognised."
        body += "</p>"
    if strangers is not None and len(strangers):
        rightly = share(strangers.away, len(strangers))
        body += f"<p><b>Of photos of other things</b>, {rightly} were rightly turned away.</p>"
        taken = np.flatnonzero(~strangers.turned_away)
        taken = taken[np.argsort(-strangers.scores[taken].max(axis=1), kind="stable")]
        if len(taken):
            cards = [_stranger(strangers, measures.judged.labels, row) for row in taken[:MOST_STRANGERS].tolist()]
            body += f"<h3>Taken for a label</h3>{_cards(cards, len(taken), 'photo')}"
    return Section("unknown", "None of these", body)


def _stranger(strangers: Strangers, labels: tuple[str, ...], row: int) -> str:
    path, scores = strangers.paths[row], strangers.scores[row]
    bars = _score_bars(labels, scores, None, lambda at: "wrong" if at == scores.argmax() else "other")
    return _card(strangers.image_dir, path, "Not any of the labels.", f"{path}, none of the labels", bars)


def _gallery(
    image_dir: Place,
    judged: Judged,
    rows: Iterable[int],
    most: int,
    what: str,
    words: Callable[[int], str],
    kinds: Callable[[int, int], str] | None = None,
) -> str:
    """A card for each photo; `kinds` says how the bar of (row, label) is coloured."""
    rows, kinds = list(rows), kinds or (lambda row, at: _right_or_wrong(judged, row, at))
    cards = [
        _card(
            image_dir,
            judged.paths[row],
            words(row),
            f"{judged.paths[row]}, labelled {judged.labels[judged.truth[row]]}",
            _score_bars(judged.labels, judged.scores[row], int(judged.truth[row]), partial(kinds, row)),
        )
        for row in rows[:most]
    ]
    return _cards(cards, len(rows), what)


def _cards(cards: list[str], total: int, what: str, kind: str = "photos") -> str:
    more = ""
    if total > len(cards):
        more = f'<p class="more">Shown are {len(cards)} of {total:,}: {count(total - len(cards), f"more {what}")}.</p>'
    return f'<ul class="{kind}">{"".join(f"<li>{card}</li>" for card in cards)}</ul>{more}'


def _card(image_dir: Place, path: str, words: str, alt: str, below: str) -> str:
    return (
        f"<figure>{_photo(image_dir, path, alt)}<figcaption><span>{words}</span>{below}"
        f'<span class="path">{name(path)}</span></figcaption></figure>'
    )


def _photo(image_dir: Place, path: str, alt: str) -> str:
    small = thumbnail(image_dir / path)
    if small is None:
        return '<div class="photo">cannot be read any more</div>'
    return (
        f'<div class="photo"><img src="{small.uri}" width="{small.width}" height="{small.height}" '
        f'alt="{text(alt)}"></div>'
    )


def _right_or_wrong(judged: Judged, row: int, at: int) -> str:
    return "right" if at == judged.truth[row] else "wrong" if at == judged.guesses[row] else "other"


def _score_bars(labels: tuple[str, ...], scores: np.ndarray, truth: int | None, kind: Callable[[int], str]) -> str:
    """The highest scores and that of the truth; `kind` is the CSS class of a label's bar."""
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


def _pairs(judged: Judged, image_dir: Place, pairs: list[Pair]) -> str:
    def half(row: int) -> str:
        label, path = judged.labels[judged.truth[row]], judged.paths[row]
        words = f"{name(label)}, {text(judged.splits[row])}"
        return _card(image_dir, path, words, f"{path}, labelled {label}", "")

    cards = []
    for pair in pairs[:MOST_PAIRS]:
        likeness = next(words for most, words in _LIKENESS if pair.distance <= most)
        mirrored = ", one in a mirror" if pair.mirrored else ""
        cards.append(
            f'<div class="two">{half(pair.first)}{half(pair.second)}</div>'
            f'<div class="how">{likeness}{mirrored} (their hashes differ in {pair.distance} of {BITS} bits)</div>'
        )
    return _cards(cards, len(pairs), "pair", "photos pairs")


def _label(judged: Judged, at: int) -> str:
    return f"<b>{name(judged.labels[at])}</b>"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
