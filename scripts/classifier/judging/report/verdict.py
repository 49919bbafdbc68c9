"""The head of the report: how good the classifier is, and what to bear in mind."""

from __future__ import annotations

from ...photos.image_lists import TESTING, TRAINING, VALIDATION
from ..measures import Measures, Overall
from ..near_duplicates import NearIdentical
from .markup import FEW_PHOTOS, count, decimals, name, percent


def head(title: str, measures: Measures, near: NearIdentical | None, proven: bool = False) -> str:
    about, overall = f'<p class="about">{name(title)}, evaluated</p>', measures.overall
    if overall is None:
        return f"{about}<h1>There are no photos of its labels to judge it by</h1>"
    right, total = measures.results.right, measures.total
    low, high = overall.interval_95
    which = _which_photos(measures.judged.splits, proven)
    if right == total:
        heading = f"Right on {'the one photo' if total == 1 else f'all {total:,} photos'}{which}"
    else:
        heading = f"Right on {right:,} of {total:,} photos{which}: {percent(overall.accuracy, decimals(total))}"
    exact = decimals(total)
    commonest, share = overall.most_frequent
    guess = share if len(measures.judged.labels) > 1 else None
    sentences = [
        f"{'With so few photos, luck plays a part: on' if total < FEW_PHOTOS else 'On'} many more like these, it would "
        f"most likely be right {percent(low, exact)} to {percent(high, exact)} of the time."
    ]
    if guess is not None:
        sentences.append(f"Always answering {name(commonest)} would be right {percent(guess, exact)} of the time.")
        if guess >= low:
            sentences.append("The classifier may be no better than that.")
    return (
        f"{about}<h1>{heading}</h1><p>{' '.join(sentences)}</p>{_interval(overall, guess)}"
        f"{''.join(f'<p class=note>{each}</p>' for each in _reservations(measures, near))}"
    )


def _which_photos(splits: list[str], proven: bool) -> str:
    """What follows "photos" in a sentence. Only their contents prove that training has not seen them."""
    found, learned = set(splits), splits.count(TRAINING)
    seen = learned + splits.count(VALIDATION)
    if not found <= {TRAINING, VALIDATION, TESTING}:
        return " shown to it"
    if not learned:
        if not proven:
            return " it is not known to have learned from"
        return " it had never seen" if found == {TESTING} else " it did not learn from"
    if learned == len(splits):
        return " it learned from"
    if seen == len(splits):
        return " it had seen in training"
    return f", {'' if proven else 'at least '}{seen:,} of which it had seen in training"


def _interval(overall: Overall, guess: float | None) -> str:
    """The accuracy on a scale, beside that of always giving the same answer, if there are several to give."""
    low, high = overall.interval_95
    line = "" if guess is None else f'<span class="guess" style="left:{100 * guess:.1f}%"></span>'
    key = "" if guess is None else '<li><i class="k-guess"></i>always the same answer</li>'
    return (
        f'<div class="scale"><div class="track" role="img" aria-label="On a scale from 0 to 100 %: measured '
        f'{percent(overall.accuracy, 1)}, most likely {percent(low, 1)} to {percent(high, 1)}">{line}'
        f'<span class="range" style="left:{100 * low:.1f}%;width:{100 * (high - low):.1f}%"></span>'
        f'<span class="point" style="left:{100 * overall.accuracy:.1f}%"></span></div>'
        '<div class="ends" aria-hidden="true"><span>0 %</span><span>50 %</span><span>100 %</span></div></div>'
        '<ul class="key" aria-hidden="true"><li><i class="k-point"></i>measured</li>'
        f'<li><i class="k-range"></i>95 % interval: where the true accuracy most likely is</li>{key}</ul>'
    )


def _reservations(measures: Measures, near: NearIdentical | None) -> list[str]:
    """Reasons why the accuracy may look better than it is."""
    notes = []
    learned = measures.judged.splits.count(TRAINING)
    if learned:
        notes.append(
            f"It learned from {learned:,} of these photos. A classifier does well on photos "
            "it knows. Only photos it never saw show how good it is on new ones."
        )
    if near is not None:
        twins = near.copies.get((TESTING, TRAINING), 0)
        if twins:
            notes.append(
                f"{count(twins, 'test photo has a nearly identical twin', 'test photos have nearly identical twins')} "
                "among those it learned from, which flatters it: see "
                '<a href="#near-identical">nearly identical photos</a>.'
            )
    return notes
