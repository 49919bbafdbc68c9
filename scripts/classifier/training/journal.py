"""The files written during training: TensorBoard's log and intermediate graphs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..backbones.backbone import Backbone
from ..graphs import frozen_graph
from . import retrained_graph
from .accuracy import Results
from .final_layer import Evaluation, FinalLayer
from .summaries import Summaries

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef


@dataclass(frozen=True)
class Halfway:
    """Where and how often intermediate graphs are written."""

    folder: Path
    every: int  # steps from one to the next
    final_tensor_name: str = retrained_graph.SCORES


class Journal:
    """Step numbers continue from one stage to the next, so that TensorBoard shows one curve."""

    def __init__(self, summaries_dir: Path, halfway: Halfway | None = None):
        self._summaries, self._halfway = Summaries(summaries_dir), halfway

    @property
    def graphs_every(self) -> int | None:
        """Steps between intermediate graphs; None if none are written."""
        return None if self._halfway is None else self._halfway.every

    def evaluations(self, evaluations: list[Evaluation]) -> None:
        self._summaries.evaluations(evaluations)

    def layer(self, layer: FinalLayer, step: int) -> None:
        self._summaries.layer(layer, step)

    def reached(self, step: int, classifier: Callable[[], tuple[Backbone, FinalLayer]]) -> None:
        """Writes the current graph if one is due after this step."""
        if self._halfway is None or step % self._halfway.every:
            return
        graph_def = retrained_graph.join(*classifier(), self._halfway.final_tensor_name)
        frozen_graph.write(graph_def, self._halfway.folder / f"intermediate_{step}.pb")

    def finish(
        self, graph_def: GraphDef, results: Results, names: tuple[str, ...], step: int, which: str = "test"
    ) -> None:
        """Adds the final graph and the confusion matrix of the `which` photos, and closes the log."""
        self._summaries.graph(graph_def)
        self._summaries.confusion(results, names, step, which)
        self.close()

    def close(self) -> None:
        self._summaries.close()
