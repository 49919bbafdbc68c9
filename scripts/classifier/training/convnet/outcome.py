"""What a training came to: the classifier of its best epoch, how good that is, and the files that hold it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...backbones.backbone import Backbone
from ...graphs import frozen_graph
from .. import accuracy, retrained_graph, run_record, stages
from ..accuracy import Results
from ..final_layer import FinalLayer
from ..unknown import Unknown
from . import backbone as backbones, verdict
from .training import CnnExamples, CnnTrainer
from .verdict import Verdict

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef


@dataclass(frozen=True)
class Outcome:
    labels: tuple[str, ...]
    backbone: Backbone
    layer: FinalLayer
    best_step: int
    validated: Results
    tested: Results
    tells_unknown: Unknown | None
    known_kept: float | None  # of the test photos, what share counts as known
    verdict: Verdict

    def write(self, graph: Path, labels_file: Path, record: dict) -> GraphDef:
        """The graph, its labels, its record, to which `record` is added, and what tells unknown photos."""
        graph_def = retrained_graph.join(self.backbone, self.layer, retrained_graph.SCORES)
        frozen_graph.write(graph_def, graph)
        stages.write_labels(self.labels, labels_file)
        run_record.write(
            graph,
            run_record.preprocessing(self.backbone, retrained_graph.SCORES),
            self.labels,
            {
                **record,
                "unknown": {"test_photos_kept": self.known_kept},
                "validation": accuracy.as_record(self.validated, self.labels),
                "test": accuracy.as_record(self.tested, self.labels),
                "verdict": {"name": self.verdict.name, "since_epoch": self.verdict.since_epoch},
            },
            None if self.tells_unknown is None else self.tells_unknown.to_bytes(),
        )
        return graph_def


def of(trainer: CnnTrainer, testing: CnnExamples, labels: Sequence[str], known_kept: float) -> Outcome:
    """Measures the best epoch's classifier as it is written, in float32; of known photos, a share of `known_kept`
    shall count as such."""
    backbone, layer = backbones.split(trainer.best_weights, len(labels), trainer.recipe)
    training, validation, tested = (
        backbones.bottlenecks(backbone, each) for each in (trainer.training, trainer.validation, testing)
    )
    tells_unknown = stages.learn_unknown(training, validation, known_kept, trainer.recipe.seed)
    return Outcome(
        tuple(labels),
        backbone,
        layer,
        trainer.best_epoch * trainer.steps_an_epoch,
        accuracy.measure(layer, validation),
        accuracy.measure(layer, tested),
        tells_unknown,
        stages.share_kept(tells_unknown, tested),
        verdict.judge(trainer.history, len(labels), trainer.recipe),
    )
