"""The page for people: what the classifier is, and a place for pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from string import Template

from ..formats.classifiers import Classifier
from ..judging.report.markup import count, decimals, name, percent, text
from ..photos.image_lists import TRAINING
from .bodies import MOST_BYTES

_FOLDER = Path(__file__).parent / "page"

# More are counted, not named.
_MOST_NAMED = 12


def render(called: str, version: int, classifier: Classifier) -> str:
    record = classifier.model.record or {}
    return Template((_FOLDER / "index.html").read_text("utf-8")).substitute(
        name=text(called),
        version=version,
        tells=_tells(classifier.names),
        trained=_trained(record),
        accuracy=_accuracy(record),
        most_bytes=MOST_BYTES,
    )


def sign_in(wrong: str) -> str:
    """Asks for the token; `wrong` is what was wrong with the last one."""
    return Template((_FOLDER / "sign_in.html").read_text("utf-8")).substitute(wrong=text(wrong))


def _tells(labels: Sequence[str]) -> str:
    named = [name(label) for label in labels[:_MOST_NAMED]]
    if len(labels) > _MOST_NAMED:
        return f"{count(len(labels), 'label')}: {', '.join(named)} and {len(labels) - _MOST_NAMED:,} more"
    return " and ".join(filter(None, [", ".join(named[:-1]), named[-1]]))


def _trained(record: dict) -> str:
    photos, network = record.get("photos"), record.get("backbone", {}).get("architecture")
    if photos is None or network is None:
        return "What it was trained on is not recorded."
    learnt = sum(splits[TRAINING] for splits in photos.values())
    return f"It learned from {count(learnt, 'photo')}, seen through the network {text(network)}."


def _accuracy(record: dict) -> str:
    test = record.get("test")
    if not test or not test.get("photos"):
        return "How accurate it is was not measured."
    exact = decimals(test["photos"])
    low, high = (percent(share, exact) for share in test["interval_95"])
    return (
        f"Of {count(test['photos'], 'photo')} that it had not seen before it had "
        f"<strong>{percent(test['accuracy'], exact)}</strong> right (of many more, likely between {low} and {high}). "
        "It knows nothing else: whatever a picture shows, it is called one of these."
    )
