"""The classifier in service, under a name and a version, and how another takes its place."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..formats.classifiers import Classifier
from .batches import Batches, Outcome, Picture
from .metrics import Metrics


@dataclass(frozen=True)
class Served:
    version: int
    classifier: Classifier
    batches: Batches


class Service:
    """Belongs to the thread of the event loop, but for `check`."""

    def __init__(self, name: str, first_version: int, most_waiting: int, metrics: Metrics):
        self.name, self.metrics, self._most_waiting = name, metrics, most_waiting
        self.former: list[int] = []  # versions that were replaced
        self.stopping = False
        self._current: Served | None = None
        self._first_version = first_version

    @property
    def current(self) -> Served:
        """There is one before the first request is."""
        assert self._current is not None, "nothing has been taken into service"
        return self._current

    async def take(self, classifier: Classifier) -> None:
        """From here on this one answers. The former one answers what it was asked, which is waited for."""
        former = self._current
        version = self._first_version if former is None else former.version + 1
        batches = Batches(classifier, self._most_waiting, self.metrics.batch)
        self._current = Served(version, classifier, batches)
        self.metrics.model(self.name, version)
        if former is not None:
            self.former.append(former.version)
            await asyncio.to_thread(former.batches.close)

    async def look(self, pictures: Sequence[Picture]) -> tuple[Served, list[Outcome]]:
        """What the classifier in service makes of them, and which one that was. Raises batches.Full."""
        served = self.current
        outcomes = await served.batches.look(pictures)
        for outcome in outcomes:
            if not isinstance(outcome, Exception):
                self.metrics.predicted(served.classifier.labels[int(outcome.scores.argmax())])
        return served, outcomes

    async def close(self) -> None:
        if self._current is not None:
            await asyncio.to_thread(self._current.batches.close)


def check(classifier: Classifier) -> None:
    """Looks at grey pictures, one and as many as it takes at once: what cannot work is seen before it has to.

    The first runs of a network are slow, too.
    """
    take, model = classifier.model.preprocessing, classifier.model
    run = model.open_runner()
    for count in {1, model.batch}:
        classifier.answers(run, np.zeros((count, take.input_height, take.input_width, 3), np.float32))


def name_and_version(path: Path, name: str | None) -> tuple[str, int]:
    """As TensorFlow Serving would call it: a folder NAME/VERSION says both, anything else is the first version."""
    path = path.absolute()
    numbered = path.is_dir() and path.name.isdecimal()
    if name is not None and not re.fullmatch(r"[\w.-]+", name, re.ASCII):
        raise UserError(f"--name={name} is to be part of an address: expected letters, digits and _ . - only")
    found = re.sub(r"[^\w.-]+", "_", path.parent.name if numbered else path.stem, flags=re.ASCII)
    return found if name is None else name, int(path.name) if numbered else 1
