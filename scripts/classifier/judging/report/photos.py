"""The report's sections of photos: close calls, labels to check, near duplicates and unknown things."""

from __future__ import annotations

import numpy as np

from ...photos.folders import Place
from ...photos.image_lists import TESTING, TRAINING, VALIDATION
from ..findings import HIGH_SCORE, LOW_SCORE, Findings
from ..judged import Judged, Strangers, spoken
from ..measures import Measures
from ..near_duplicates import Pair
from ..perceptual_hash import BITS
from . import cards
from .markup import Section, count, name, percent, share, text

# How many photos a section shows; it says how many there are in all.
MOST_UNCERTAIN, MOST_SUSPICIONS, MOST_PAIRS, MOST_STRANGERS = 12, 20, 12, 12

# (most bits in which two hashes differ, what that means)
_LIKENESS = ((1, "the same picture"), (6, "almost the same"), (BITS, "very alike"))


def uncertain(found: Findings, image_dir: Place) -> Section | None:
    if not len(found.uncertain):
        return None

    def words(row: int) -> str:
        judged = found.tested
        answer = "recognised" if judged.right[row] else f"taken for {cards.bold(judged, judged.guesses[row])}"
        return f"{cards.bold(judged, judged.truth[row])}, {answer}"

    body = (
        "<p>Close calls: the two highest scores are nearly the same. Training on more photos like these helps most, "
        "unless you find them hard to tell apart yourself.</p>"
    )
    body += cards.gallery(image_dir, found.tested, found.uncertain, MOST_UNCERTAIN, "uncertain photo", words)
    return Section("uncertain", "Least certain", body)


def suspicions(found: Findings, image_dir: Place) -> Section | None:
    if not len(found.everything):
        return None
    total, learned = len(found.everything), found.everything.splits.count(TRAINING)
    searched = f"{count(total, 'photo was', 'photos were')} searched."
    if learned:
        searched += (
            f" The classifier has seen {learned:,} of these in training and learned their labels, wrong ones included, "
            "so most mistakes among those stay hidden."
        )
    if not found.suspicions:
        return Section("labels-to-check", "Labels to check", f"<p>No label looks wrong. {searched}</p>")
    suggested = {each.row: each.suggested for each in found.suspicions}

    def words(row: int) -> str:
        judged = found.everything
        seen = "<br>It learned from this photo." if judged.splits[row] == TRAINING else ""
        return f"Labelled {cards.bold(judged, judged.truth[row])}. Is it {cards.bold(judged, suggested[row])}?{seen}"

    def kinds(row: int, at: int) -> str:
        return "asked" if at == suggested[row] else "own" if at == found.everything.truth[row] else "other"

    body = (
        f"<p><b>{count(len(suggested), 'label')} worth a look</b>, the strongest case first. The classifier gives the "
        f"photo's own label less than {percent(LOW_SCORE)}, and another at least {percent(HIGH_SCORE)} and as much as "
        "photos of that other label usually get. Some photos are mislabelled, others are just unusual: you decide. "
        f"{searched}</p>"
    )
    body += cards.gallery(image_dir, found.everything, suggested, MOST_SUSPICIONS, "label", words, kinds)
    return Section("labels-to-check", "Labels to check", body)


def near_identical(found: Findings, image_dir: Place) -> Section | None:
    near = found.near
    if near is None or not near.compared:
        return None
    across = sum(number for sets, number in near.pairs.items() if len(set(sets)) > 1)
    within = sum(near.pairs.values()) - across
    parts = []
    if near.across_sets:
        held = [
            f"{count(number, f'{spoken(one)} photo')} also in {spoken(other)}"
            for one, other, number in (
                (one, other, near.copies.get((one, other), 0))
                for one, other in ((TESTING, TRAINING), (VALIDATION, TRAINING), (TESTING, VALIDATION))
            )
            if number
        ]
        parts.append(
            "<p>The same picture, or two pictures of one scene, in different sets. Having learned from one makes its "
            "twin easy, so the figures above look better than they are. Delete one of the two, or put both in the "
            f"same set.{f' Found: {text(_listed(held))}.' if held else ''}</p>"
            f"{_pairs(found.everything, image_dir, near.across_sets)}"
        )
    elif len(set(found.everything.splits)) > 1:
        parts.append("<p>No photo has a nearly identical twin in another set, so none flatters the figures.</p>")
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


def unknown(measures: Measures, strangers: Strangers | None, none: Strangers | None = None) -> Section | None:
    turned_away = measures.turned_away
    if turned_away is None and strangers is None:
        return None
    body = (
        "<p>A classifier that can answer “unknown” should do so for photos of none of its labels, and for no others."
        "</p>"
    )
    if turned_away is not None and measures.total:
        body += f"<p><b>Wrongly called unknown:</b> {share(turned_away.by_mistake, measures.total)} of known labels."
        kept = turned_away.answered
        if kept.total:
            body += f" <b>Recognised</b> among the others: {share(kept.right, kept.total)}."
        body += "</p>"
    for what, photos in (("other things", strangers), ("the test photos of --none_dir", none)):
        if photos is not None and len(photos):
            body += f"<p><b>Rightly called unknown:</b> {share(photos.away, len(photos))} of {what}.</p>"
            body += _taken_for_a_label(photos, measures.judged.labels)
    return Section("unknown", "Unknown things", body)


def _taken_for_a_label(strangers: Strangers, labels: tuple[str, ...]) -> str:
    taken = np.flatnonzero(~strangers.turned_away)
    taken = taken[np.argsort(-strangers.scores[taken].max(axis=1), kind="stable")]
    if not len(taken):
        return ""
    shown = [_stranger(strangers, labels, row) for row in taken[:MOST_STRANGERS].tolist()]
    return f"<h3>Taken for a label</h3>{cards.cards(shown, len(taken), 'photo')}"


def _stranger(strangers: Strangers, labels: tuple[str, ...], row: int) -> str:
    path, scores = strangers.paths[row], strangers.scores[row]
    bars = cards.score_bars(labels, scores, None, lambda at: "wrong" if at == scores.argmax() else "other")
    return cards.card(strangers.image_dir, path, "None of the labels", f"{path}, none of the labels", bars)


def _pairs(judged: Judged, image_dir: Place, pairs: list[Pair]) -> str:
    def half(row: int) -> str:
        label, path = judged.labels[judged.truth[row]], judged.paths[row]
        words = f"{name(label)}, {text(spoken(judged.splits[row]))}"
        return cards.card(image_dir, path, words, f"{path}, labelled {label}", "")

    shown = []
    for pair in pairs[:MOST_PAIRS]:
        likeness = next(words for most, words in _LIKENESS if pair.distance <= most)
        mirrored = ", one mirrored" if pair.mirrored else ""
        shown.append(
            f'<div class="two">{half(pair.first)}{half(pair.second)}</div>'
            f'<div class="how">{likeness}{mirrored} ({pair.distance} of {BITS} bits differ)</div>'
        )
    return cards.cards(shown, len(pairs), "pair", "photos pairs")


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
