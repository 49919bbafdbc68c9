"""What is written down while a classifier is being trained: TensorBoard's log, and graphs of half-way training."""

from __future__ import annotations

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


class Journal:
    """Steps are counted through all stages, as TensorBoard shows them."""

    def __init__(
        self,
        summaries_dir: Path,
        graphs_dir: Path | None = None,
        every: int | None = None,
        final_tensor_name: str = retrained_graph.SCORES,
    ):
        """A graph is written to `graphs_dir` every so many steps; None: never."""
        self.every = every
        self._summaries = Summaries(summaries_dir)
        self._graphs_dir, self._final_tensor_name = graphs_dir, final_tensor_name

    def evaluations(self, evaluations: list[Evaluation]) -> None:
        self._summaries.evaluations(evaluations)

    def layer(self, layer: FinalLayer, step: int) -> None:
        self._summaries.layer(layer, step)

    def wants_graph(self, step: int) -> bool:
        return self.every is not None and step % self.every == 0

    def graph(self, backbone: Backbone, layer: FinalLayer, step: int) -> None:
        assert self._graphs_dir is not None, "a journal that wants graphs knows where to"
        frozen_graph.write(
            retrained_graph.join(backbone, layer, self._final_tensor_name),
            self._graphs_dir / f"intermediate_{step}.pb",
        )

    def close(self, graph_def: GraphDef, tested: Results, names: tuple[str, ...], step: int) -> None:
        """With the graph that is written in the end, and what it took photos for."""
        self._summaries.graph(graph_def)
        self._summaries.confusion(tested, names, step)
        self._summaries.close()
