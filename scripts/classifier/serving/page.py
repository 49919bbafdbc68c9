"""The page for people: it takes photos, shows the classifier's answers, and says how far to trust them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from string import Template

from ..formats import classifiers
from ..formats.classifiers import Classifier
from ..judging.report.markup import count, decimals, name, percent, text
from ..photos import file_kinds
from ..photos.image_lists import TRAINING
from ..training.sure import Sure
from .bodies import MOST_BYTES

# How sure the page's sure answers are, in percent.
_SURE = 95

_FOLDER = Path(__file__).parent / "page"

# The heading names up to this many labels, if they are short; otherwise it only counts them.
_MOST_NAMED, _MOST_CHARACTERS = 6, 90


def render(called: str, version: int, classifier: Classifier, explains: bool, answers_kept: bool) -> str:
    """`explains`: the server can show what spoke for an answer; `answers_kept`: it writes a log of them."""
    record, names = classifier.model.record or {}, classifier.names
    named = len(names) <= _MOST_NAMED and sum(map(len, names)) <= _MOST_CHARACTERS
    return Template((_FOLDER / "index.html").read_text("utf-8")).substitute(
        title=_question([text(each) for each in names], named),
        question=_question([name(each) for each in names], named),
        labels="" if named else _labels(names),
        name=text(called),
        version=version,
        trained=_trained(record),
        accuracy=_accuracy(record),
        unknown=_unknown(classifier),
        sure=_sure(classifier),
        sure_percent=_SURE if _can_be_sure(classifier) else "",
        kept="They are not kept, but the answers are." if answers_kept else "They are not kept.",
        most_bytes=MOST_BYTES,
        explains="yes" if explains else "no",
        # With HEIC among them, iPhones send photos as they are instead of turning them into JPEG first.
        accepted=",".join(sorted({kind.media_type for kind in file_kinds.READABLE} | file_kinds.endings())),
    )


def sign_in(wrong: str) -> str:
    """The page that asks for the token. `wrong` says why the last one was refused."""
    said = f'<p class="wrong" role="alert">{text(wrong)}</p>' if wrong else ""
    return Template((_FOLDER / "sign_in.html").read_text("utf-8")).substitute(wrong=said)


def _question(names: Sequence[str], named: bool) -> str:
    """The heading, in HTML like `names`."""
    if not named:
        return f"Which of {len(names):,} kinds is it?"
    if len(names) == 1:
        return f"Is it {names[0]}?"
    return f"Which is it: {', '.join(names[:-1])} or {names[-1]}?"


def _labels(names: Sequence[str]) -> str:
    return f"<details><summary>All {len(names):,} kinds</summary><p>{', '.join(map(name, names))}</p></details>"


def _trained(record: dict) -> str:
    photos, network = record.get("photos"), record.get("backbone", {}).get("architecture")
    if photos is None or network is None:
        return "Its training is not recorded."
    learnt = sum(splits[TRAINING] for splits in photos.values())
    return f"It learned from {count(learnt, 'photo')} with the network {text(network)}."


def _accuracy(record: dict) -> str:
    test = record.get("test")
    if not test or not test.get("photos"):
        return "Its accuracy was not measured."
    exact = decimals(test["photos"])
    low, high = (percent(share, exact) for share in test["interval_95"])
    return (
        f"It got <strong>{percent(test['accuracy'], exact)}</strong> of {count(test['photos'], 'test photo')} right, "
        f"none of which it had seen before. On many more photos like them, expect between {low} and {high}."
    )


def _can_be_sure(classifier: Classifier) -> bool:
    found = Sure.of_record(classifier.model.record)
    return found is not None and found.promises(_SURE)


def _sure(classifier: Classifier) -> str:
    """The option to see sure answers, if this classifier can give them."""
    if not _can_be_sure(classifier):
        return ""
    return (
        '<label class="soft"><input type="checkbox" id="sure"> Show the labels that hold the right one in '
        f"{_SURE} of 100 cases</label>"
    )


def _unknown(classifier: Classifier) -> str:
    if not classifier.tells_unknown:
        return "It knows nothing else: whatever a photo shows, the answer is one of these labels."
    words = "A photo that looks like none of those it learned from is called unknown."
    kept = classifiers.share_kept(classifier.model)
    if kept is None:
        return words
    exact = decimals(((classifier.model.record or {}).get("test") or {}).get("photos", 0))
    return f"{words} It recognised {percent(kept, exact)} of the test photos as known."
