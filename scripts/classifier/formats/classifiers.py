"""Opens a written classifier, of whatever format, and lets it look at pictures."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import machine
from ..errors import UserError
from ..photos import category_names, pixels
from ..training import unknown
from . import kinds
from .model import Model, Run, Wishes

# Decoded pictures that wait for the network, and answers that wait to be taken.
_AHEAD = 32


@dataclass(frozen=True)
class Answer:
    """What a classifier makes of a picture."""

    scores: np.ndarray  # [labels]
    bottleneck: np.ndarray | None  # [values], where bottlenecks were wanted and the format gives them
    distance: float | None  # from what it was trained on, where that was wanted; beyond 1 the picture is unknown

    @property
    def unknown(self) -> bool:
        return self.distance is not None and self.distance > 1


class Classifier:
    def __init__(
        self,
        model: Model,
        labels: tuple[str, ...],
        tells_unknown: unknown.Unknown | None,
        named: dict[str, str] | None = None,
    ):
        self.model, self.labels, self._tells_unknown = model, labels, tells_unknown
        self.named = named  # label -> name, where the labels have names of their own
        self.names = category_names.shown(labels, named)
        self._own = threading.local()
        if model.outputs is not None:
            self._check_outputs(model.outputs)

    def label(self, pictures: Sequence[Path]) -> Iterator[tuple[Path, Answer | str]]:
        """For each picture what it makes of it, or why it cannot be read, in the order given."""
        with ThreadPoolExecutor(machine.cores()) as pool:
            yield from self._one_by_one(pool, pictures) if self.model.one_core else self._in_batches(pool, pictures)

    def _in_batches(self, pool: ThreadPoolExecutor, pictures: Sequence[Path]) -> Iterator[tuple[Path, Answer | str]]:
        """While the network runs on one batch, the next is decoded."""
        size = self.model.batch
        batches = [pictures[at : at + size] for at in range(0, len(pictures), size)]
        decoding = deque([pool.submit(self._pixels, path) for path in batch] for batch in batches[:1])
        run = self.model.open_runner()
        for number, batch in enumerate(batches):
            following = batches[number + 1 : number + 2]
            decoding.extend([pool.submit(self._pixels, path) for path in each] for each in following)
            decoded = [future.result() for future in decoding.popleft()]
            good = [values for values in decoded if not isinstance(values, str)]
            answers = iter(self.answers(run, np.stack(good)) if good else ())
            for path, values in zip(batch, decoded, strict=True):
                yield path, values if isinstance(values, str) else next(answers)

    def _one_by_one(self, pool: ThreadPoolExecutor, pictures: Sequence[Path]) -> Iterator[tuple[Path, Answer | str]]:
        def work(path: Path) -> Answer | str:
            values = self._pixels(path)
            if isinstance(values, str):
                return values
            if not hasattr(self._own, "run"):
                self._own.run = self.model.open_runner()
            return self.answers(self._own.run, values[None])[0]

        # Not pool.map, which would start on all pictures at once and hold all answers.
        ahead: deque[tuple[Path, Future]] = deque()
        for path in pictures:
            ahead.append((path, pool.submit(work, path)))
            if len(ahead) >= _AHEAD:
                done, future = ahead.popleft()
                yield done, future.result()
        for path, future in ahead:
            yield path, future.result()

    def _pixels(self, path: Path) -> np.ndarray | str:
        try:
            return self.model.preprocessing.apply(path.read_bytes())
        except pixels.UnreadableImage as error:
            return str(error)
        except OSError as error:
            return error.strerror or str(error)

    def answers(self, run: Run, pictures: np.ndarray) -> list[Answer]:
        """To prepared pictures, at most model.batch of them."""
        scores, bottlenecks = run(pictures)
        if scores.ndim != 2 or len(scores) != len(pictures):
            raise UserError(
                f"{self.model.path} gives {list(scores.shape)} values for {len(pictures)} pictures, expected a row of "
                "scores for each: it is no classifier of pictures"
            )
        self._check_outputs(scores.shape[1])
        if not np.isfinite(scores).all():
            raise UserError(f"{self.model.path} gives scores that are not numbers: it must be damaged, write it anew")
        distances = None if self._tells_unknown is None else self._tells_unknown.distances(bottlenecks)
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
            shown = ", ".join(self.labels[:3]) + (" ..." if len(self.labels) > 3 else "")
            raise UserError(
                f"{self.model.path} tells {outputs} labels apart, but there are {len(self.labels)} labels ({shown}): "
                "give the right file with --labels"
            )


def load(
    path: Path, labels: Path | None, wishes: Wishes, tell_unknown: bool = False, names: Path | None = None
) -> Classifier:
    """`labels` and `names` are files that the user names; where they are None, they are looked for with and beside it.

    `names` is a JSON file of what people call the labels (see category_names.py).
    """
    model = kinds.open_model(path, wishes if not tell_unknown else Wishes(wishes.said, wishes.pictures, True))
    tells = None
    if tell_unknown:
        if model.unknown is None:
            raise UserError(
                f"--unknown: {path} was written without what tells unknown photos: train it again with retrain "
                "(with validation photos), and keep the files that it writes together"
            )
        if not model.gives_bottlenecks:
            raise UserError(f"--unknown: {path} does not give the bottlenecks that this needs: use the graph (.pb)")
        tells = unknown.from_bytes(model.unknown, f"what {path} holds about unknown photos")
    found = find_labels(model, labels)
    named = category_names.known(model.record, found) if names is None else category_names.read(names, found)
    return Classifier(model, found, tells, named)


def find_labels(model: Model, given: Path | None) -> tuple[str, ...]:
    """From the file that the user names, else inside the classifier, else beside it."""
    if given is not None:
        return _read_labels(given)
    return labels_beside(model.path, model.record) if model.labels is None else model.labels


def labels_beside(path: Path, record: dict | None) -> tuple[str, ...]:
    """From a file named like the classifier, which the user may have edited, else from its record."""
    named_like_it = [path.stem.replace("graph", "labels")] if "graph" in path.stem else []
    named_like_it.append(f"{path.stem}_labels")
    others = ["labels", "retrained_labels", "output_labels"]
    for names in (named_like_it, others):
        for name in names:
            if (file := path.with_name(f"{name}.txt")).exists():
                return _read_labels(file)
        if record is not None:
            return tuple(record["labels"])
    places = ", ".join(f"{name}.txt" for name in dict.fromkeys(named_like_it + others))
    raise UserError(
        f"the labels of {path} were looked for beside it in {places}, none of which is there: give the file that holds "
        "one label a line with --labels"
    )


def _read_labels(file: Path) -> tuple[str, ...]:
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except FileNotFoundError:
        raise UserError(f"{file} does not exist: give --labels the file that holds one label a line") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read as labels ({error}): expected a text file, one label a line") from None
    return tuple(line for line in lines if line.strip())
