"""The classifier in service, with its name and version, and how a new one replaces it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..formats.classifiers import Classifier
from ..formats.heat_maps import HeatMaps
from ..photos.preprocessing import Overrides
from . import explaining
from .answer_log import AnswerLog
from .batches import Batches, Limits, Outcome, Picture
from .explaining import Explaining
from .metrics import Metrics
from .recent import Recent


@dataclass(frozen=True)
class Served:
    version: int
    classifier: Classifier
    batches: Batches
    recent: Recent  # its own, so that a new classifier begins anew
    explaining: Explaining | None  # None: it cannot show what spoke for its answers, or is not asked to

    @property
    def explains(self) -> bool:
        return self.explaining is not None

    def close(self) -> None:
        """Waits until everything accepted is answered."""
        self.batches.close()
        if self.explaining is not None:
            self.explaining.close()


class Service:
    """To be used in the event loop's thread only."""

    def __init__(
        self,
        name: str,
        first_version: int,
        limits: Limits,
        metrics: Metrics,
        explained: Overrides | None = None,
        kept: AnswerLog | None = None,
    ):
        """`explained`: show what spoke for answers, with the settings that the classifier is opened with."""
        self.name, self.metrics, self.kept, self._limits, self._explained = name, metrics, kept, limits, explained
        self.why_not: str | None = None  # in one line, if the classifier in service was to be explained and cannot be
        self.former: list[int] = []  # versions that were replaced
        self.stopping = False
        self._current: Served | None = None
        self._first_version = first_version

    @property
    def current(self) -> Served:
        """Set before the first request arrives."""
        assert self._current is not None, "nothing has been taken into service"
        return self._current

    async def take(self, classifier: Classifier) -> None:
        """Puts the classifier into service, then waits until the former one has answered all its requests."""
        maps, why_not = await asyncio.to_thread(self._maps, classifier)
        former = self._current
        version = self._first_version if former is None else former.version + 1
        batches = Batches(classifier, self._limits, self.metrics.batch)
        shown = None if maps is None else Explaining(maps, batches)
        self._current, self.why_not = Served(version, classifier, batches, Recent(classifier), shown), why_not
        self.metrics.model(self.name, version)
        if former is not None:
            self.former.append(former.version)
            await asyncio.to_thread(former.close)

    async def look(self, pictures: Sequence[Picture]) -> tuple[Served, list[Outcome]]:
        """The answers to the pictures, and the classifier that gave them. Raises batches.Full."""
        served = self.current
        outcomes = await served.batches.look(pictures)
        for outcome in outcomes:
            if not isinstance(outcome, Exception):
                self.metrics.predicted(served.classifier.labels[int(outcome.scores.argmax())], outcome.unknown)
                served.recent.add(outcome)
        if self.kept is not None:
            await self.kept.add(self.name, served.version, served.classifier, pictures, outcomes)
        return served, outcomes

    async def close(self) -> None:
        if self._current is not None:
            await asyncio.to_thread(self._current.close)

    def _maps(self, classifier: Classifier) -> tuple[HeatMaps | None, str | None]:
        """What draws heat maps for it, or why it cannot have any."""
        if self._explained is None:
            return None, None
        try:
            return explaining.open_maps(classifier, self._explained), None
        except UserError as error:
            return None, str(error)


def check(classifier: Classifier) -> None:
    """Runs the classifier on one blank picture and on a full batch, to find faults before requests do.

    This also takes the slow first runs out of the way.
    """
    take, model = classifier.model.preprocessing, classifier.model
    run = model.open_runner()
    for count in {1, model.batch}:
        classifier.answers(run, np.zeros((count, take.input_height, take.input_width, 3), np.float32))


def name_and_version(path: Path, name: str | None) -> tuple[str, int]:
    """The name and version to serve. As in TensorFlow Serving, a folder NAME/VERSION gives both; others have version 1.

    A `name` from the user replaces the one found.
    """
    path = path.absolute()
    numbered = path.is_dir() and path.name.isdecimal()
    if name is not None and not re.fullmatch(r"[\w.-]+", name, re.ASCII):
        raise UserError(f"--name={name} becomes part of an address: use letters, digits, _ . and - only")
    found = re.sub(r"[^\w.-]+", "_", path.parent.name if numbered else path.stem, flags=re.ASCII)
    return found if name is None else name, int(path.name) if numbered else 1
