"""The outcome of a training: the classifier, its accuracy, and the files it is written to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from .. import atomic_files
from ..graphs import frozen_graph
from . import accuracy, expected, learning_unknown, none_learning, retrained_graph, run_record, sure
from .accuracy import Results
from .expected import Expected
from .none_learning import NoneTold
from .sure import Sure
from .trained import Trained
from .unknown import Unknown

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef


@dataclass(frozen=True)
class Places:
    """Where the classifier is written. Its record and the data about unknown photos go beside the graph."""

    graph: Path
    labels: Path
    final_tensor_name: str = retrained_graph.SCORES

    def check(self) -> None:
        """Fails now, before long work, if writing would fail after it."""
        for path in (self.graph, self.labels):
            atomic_files.check(path)


@dataclass(frozen=True)
class Outcome:
    trained: Trained
    labels: tuple[str, ...]
    places: Places
    validated: Results
    tested: Results
    known_wanted: float  # the share of known photos that should count as known
    tells_unknown: Unknown | None  # None without validation photos, which set its threshold
    known_kept: float | None  # the share of test photos that count as known
    sure: Sure | None  # None without validation photos
    expected: Expected | None  # None without test and validation photos
    none: NoneTold | None = None  # what photos of none of the labels taught

    @classmethod
    def of(
        cls,
        trained: Trained,
        labels: tuple[str, ...],
        places: Places,
        known_wanted: float,
        seed: int,
        most_tested: int = -1,
    ) -> Outcome:
        """Measures the classifier on the validation photos and on `most_tested` test photos (-1: all)."""
        _, validation, testing = trained.sets
        tells_unknown = none_learning.learn(trained, known_wanted, seed)
        return cls(
            trained,
            labels,
            places,
            accuracy.measure(trained.layer, validation),
            accuracy.measure(trained.layer, testing.sample(most_tested, seed)),
            known_wanted,
            tells_unknown,
            learning_unknown.share_kept(tells_unknown, testing),
            sure.learn(trained.layer, validation, seed),
            expected.measure(trained.layer, tells_unknown, trained.sets, labels),
            none_learning.told(trained, tells_unknown, known_wanted, seed),
        )

    @cached_property
    def graph_def(self) -> GraphDef:
        """The classifier's graph, as it will be written."""
        return retrained_graph.join(self.trained.backbone, self.trained.layer, self.places.final_tensor_name)

    def write(self, record: dict) -> list[Path]:
        """Writes the graph, its labels and its record, with `record` added; returns all files."""
        places = self.places
        data = frozen_graph.serialised(self.graph_def)
        return run_record.Written(places.graph, data, self.labels, places.labels).write(
            run_record.preprocessing(self.trained.backbone, places.final_tensor_name),
            {**self._record(), **record},
            None if self.tells_unknown is None else self.tells_unknown.to_bytes(),
        )

    def _record(self) -> dict:
        trained = self.trained
        return {
            "versions": run_record.versions(),
            "steps_trained": trained.steps,
            "best_step": trained.best_step,
            "backbone": run_record.backbone(trained.backbone, trained.engine.precision),
            "unknown": {
                "known_photos_kept": self.known_wanted,
                "test_photos_kept": self.known_kept,
                **({} if self.none is None else {"none_photos": asdict(self.none)}),
            },
            "calibration": None if trained.calibration is None else trained.calibration.as_record(),
            "sure": None if self.sure is None else self.sure.as_record(),
            "validation": accuracy.as_record(self.validated, self.labels),
            "test": accuracy.as_record(self.tested, self.labels),
            "expected": None if self.expected is None else self.expected.as_record(),
            "curve": run_record.curve(trained.curve),
        }
