"""How the most recent pictures were answered: a few numbers for each, in memory only, and never the picture."""

from __future__ import annotations

from collections import deque

from ..formats.answers import Answer
from ..formats.classifiers import Classifier
from ..judging import drift, drift_words
from ..judging.drift import Difference, Tally
from ..training import expected

MOST = 200  # pictures that are remembered

_TEXT, _NUMBER = {"type": "string"}, {"type": "number"}
_SHARES = {"type": "object", "additionalProperties": _NUMBER}
# Of `as_json`, with the model and its version.
SCHEMA = {
    "type": "object",
    "required": ["model", "version", "pictures", "of", "notes"],
    "additionalProperties": False,
    "properties": {
        "model": _TEXT,
        "version": _TEXT,
        "pictures": {"type": "integer", "minimum": 0, "description": "Pictures that these figures are about."},
        "of": {"type": "integer", "description": "The most pictures they are ever about, the most recent ones."},
        "mean_score": {"type": "number", "description": "The mean of the highest scores."},
        "unknown": {"type": "number", "description": "The share of pictures called unknown."},
        "labels": {**_SHARES, "description": "The share of pictures by their highest-scoring label."},
        "expected": {"type": "object", "description": "The same of the test photos, measured at training."},
        "notes": {
            "type": "array",
            "description": "What differs by more than chance and enough to matter, of 50 pictures or more.",
            "items": {
                "type": "object",
                "required": ["about", "text"],
                "properties": {"about": {"enum": [drift.UNKNOWN, drift.SCORE, drift.LABELS]}, "text": _TEXT},
            },
        },
    },
}


class Recent:
    """The last pictures that one classifier has answered, and what to expect of them."""

    def __init__(self, classifier: Classifier):
        self.labels, self._names = classifier.labels, classifier.names
        self.expected = expected.of_record(classifier.model.record, classifier.labels)
        self._answers: deque[tuple[int, float, bool | None]] = deque(maxlen=MOST)

    def add(self, answer: Answer) -> None:
        label = int(answer.scores.argmax())
        self._answers.append((label, float(answer.scores[label]), None if answer.distance is None else answer.unknown))

    @property
    def tally(self) -> Tally:
        guesses, tops, unknown = zip(*self._answers, strict=True) if self._answers else ((), (), ())
        return Tally.of(guesses, tops, unknown, len(self.labels))

    def differences(self, tally: Tally) -> list[Difference]:
        """None if the classifier's record does not say what to expect."""
        return [] if self.expected is None else drift.compare(tally, self.expected)

    def as_json(self) -> dict:
        """With a note in words for each difference."""
        tally = self.tally
        found: dict = {"pictures": tally.pictures, "of": MOST, "notes": self._notes(tally)}
        if tally.pictures:
            found |= {"mean_score": tally.mean_score, "labels": self._label_shares(tally)}
            if tally.unknown_share is not None:
                found["unknown"] = tally.unknown_share
        if self.expected is not None:
            found["expected"] = self.expected.as_record()
        return found

    def _label_shares(self, tally: Tally) -> dict[str, float]:
        return {label: tally.share(at) for at, label in enumerate(self.labels) if tally.counts[at]}

    def _notes(self, tally: Tally) -> list[dict]:
        if self.expected is None:
            return []
        these = f"the last {tally.pictures} pictures"
        return [
            {"about": each.way, "text": drift_words.note(each, these, self.expected, self._names)}
            for each in self.differences(tally)
        ]
