"""Opens a written classifier in any format and labels pictures with it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from .. import lookahead, machine
from ..errors import UserError
from ..photos import category_names, folders, pixels
from ..photos.folders import Place
from ..photos.wording import counted, some_of
from ..training import unknown
from ..training.sure import Sure
from . import kinds, labels as labels_files
from .answers import Answer, Rank, SureSet
from .model import Model, Run, Wishes

# With a runner on every core, the most pictures in progress or answers waiting to be read.
_AHEAD = 32

# A classifier that recognises a smaller share of its test photos as known says unknown only on request.
_LEAST_KEPT = 0.5
# Characters of a label in a message: any text file can be given as labels.
_LONGEST_LABEL = 30

Picture = TypeVar("Picture", bound=Place)


class Classifier:
    def __init__(
        self,
        model: Model,
        labels: tuple[str, ...],
        strangers: unknown.Tells | None,
        named: dict[str, str] | None = None,
    ):
        self.model, self.labels, self._strangers = model, labels, strangers
        self.named = named  # label -> name; None if the labels have no names of their own
        self.names = category_names.shown(labels, named)
        if model.outputs is not None:
            self._check_outputs(model.outputs)

    @property
    def tells_unknown(self) -> bool:
        return self._strangers is not None

    def ranked(self, answer: Answer, count: int) -> list[Rank]:
        """The labels with the highest scores, at most `count`, the highest first."""
        return self._ranks(answer, answer.best(count))

    def sure_set(self, answer: Answer, percent: float | None) -> SureSet | None:
        """None if no percentage is asked for, and for an unknown picture, about which nothing is promised."""
        if percent is None or answer.unknown:
            return None
        return SureSet(percent, tuple(self._ranks(answer, self.sure.members(answer.scores, percent))))

    @cached_property
    def sure(self) -> Sure:
        """What sure answers rest on. Raises a UserError if the training did not record it."""
        found = Sure.of_record(self.model.record)
        if found is None:
            raise UserError(
                f"{self.model.path} was written without the data for sure answers: train it again, with validation "
                "photos, and keep the files that are written together"
            )
        return found

    def _ranks(self, answer: Answer, indices: list[int]) -> list[Rank]:
        return [Rank(self.labels[at], self.names[at], float(answer.scores[at])) for at in indices]

    def label(self, pictures: Sequence[Picture]) -> Iterator[tuple[Picture, Answer | str]]:
        """The answer to each picture, or why it cannot be read, in the order given."""
        with ThreadPoolExecutor(machine.cores()) as pool:
            look = self._one_by_one if self.model.one_core else self._in_batches
            yield from zip(pictures, look(pool, pictures), strict=True)

    def _in_batches(self, pool: ThreadPoolExecutor, pictures: Sequence[Place]) -> Iterator[Answer | str]:
        """Decodes the next batch while the network runs on this one."""
        size = self.model.batch
        decoding = lookahead.results(pool, self._pixels, pictures, size + 1)
        run = self.model.open_runner()
        while batch := list(itertools.islice(decoding, size)):
            good = [values for values in batch if not isinstance(values, str)]
            answers = iter(self.answers(run, np.stack(good)) if good else ())
            for values in batch:
                yield values if isinstance(values, str) else next(answers)

    def _one_by_one(self, pool: ThreadPoolExecutor, pictures: Sequence[Place]) -> Iterator[Answer | str]:
        """Gives every core a runner of its own."""
        own = threading.local()

        def work(path: Place) -> Answer | str:
            values = self._pixels(path)
            if isinstance(values, str):
                return values
            if not hasattr(own, "run"):
                own.run = self.model.open_runner()
            return self.answers(own.run, values[None])[0]

        return lookahead.results(pool, work, pictures, _AHEAD)

    def _pixels(self, path: Place) -> np.ndarray | str:
        try:
            return self.model.preprocessing.apply(folders.contents(path))
        except pixels.UnreadableImage as error:
            return str(error)
        except OSError as error:
            return error.strerror or str(error)

    def answers(self, run: Run, pictures: np.ndarray) -> list[Answer]:
        """The answers to prepared pictures, at most model.batch of them."""
        scores, bottlenecks = run(pictures)
        if scores.ndim != 2 or len(scores) != len(pictures):
            raise UserError(
                f"{self.model.path} gives values of shape {list(scores.shape)} for {len(pictures)} pictures, expected "
                "one row of scores per picture: give an image classifier"
            )
        self._check_outputs(scores.shape[1])
        if not np.isfinite(scores).all():
            raise UserError(
                f"{self.model.path} gives scores that are not numbers: it is damaged, train or export it again"
            )
        distances = None
        if self._strangers is not None:
            assert bottlenecks is not None, "`load` refuses models that give none"
            distances = self._strangers.distances(bottlenecks)
        return [
            Answer(
                scores[at],
                None if bottlenecks is None else bottlenecks[at],
                None if distances is None else float(distances[at]),
            )
            for at in range(len(pictures))
        ]

    def _check_outputs(self, outputs: int) -> None:
        if outputs != len(self.labels):
            shown = some_of([label[:_LONGEST_LABEL] for label in self.labels])
            raise UserError(
                f"{self.model.path} gives {counted(outputs, 'score')}, found {counted(len(self.labels), 'label')} "
                f"({shown}): give the right labels file with --labels"
            )


def load(
    path: Path, labels: Path | None, wishes: Wishes, tell_unknown: bool | None = False, names: Path | None = None
) -> Classifier:
    """`labels` and `names` are the user's files; if None, both are looked for inside the classifier and beside it.

    `names` is a JSON file with a name for each label (see category_names.py). If `tell_unknown` is None, the
    classifier says unknown if it can, unless it recognises fewer than half of its test photos as known.
    """
    kinds.kind_of(path)  # raises if nothing is there
    given = None if labels is None else labels_files.read(labels)  # before the model, which takes seconds
    model = kinds.open_model(path, wishes if tell_unknown is False else replace(wishes, bottlenecks=True))
    if tell_unknown is None:
        tell_unknown = model.unknown is not None and model.gives_bottlenecks and keeps_enough(model)
        if model.gives_bottlenecks and not tell_unknown:
            model = kinds.open_model(path, wishes)
    strangers = None
    if tell_unknown:
        if model.unknown is None:
            raise UserError(
                f"--unknown: {path} was written without the data for recognising unknown photos: train it again, with "
                "validation photos, and keep the files that are written together"
            )
        if not model.gives_bottlenecks:
            raise UserError(f"--unknown needs bottlenecks, which {path} does not give: use the graph (.pb)")
        strangers = unknown.from_bytes(model.unknown, f"the data about unknown photos in {path}")
    found, said = labels_files.find(model, given)
    if said is not None:
        model = replace(model, note=f"{model.note}; {said}" if model.note else f"{path}: {said}")
    named = category_names.known(model.record, found) if names is None else category_names.read(names, found)
    return Classifier(model, found, strangers, named)


def share_kept(model: Model) -> float | None:
    """The share of test photos recognised as known; None if not measured."""
    return ((model.record or {}).get("unknown") or {}).get("test_photos_kept")


def keeps_enough(model: Model) -> bool:
    kept = share_kept(model)
    return kept is None or kept >= _LEAST_KEPT
