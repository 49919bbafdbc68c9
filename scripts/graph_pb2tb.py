"""Writes a frozen graph into a log folder, where TensorBoard shows it.

    python -m scripts.graph_pb2tb LOGDIR GRAPH.pb

The words may also be given as --logdir and --graph; a single word is the graph. Values of large constants
(weights) are left out, which keeps the log small. The log of a training in the same folder stays as it is.
"""

import shlex
from pathlib import Path

from absl import flags

from .classifier.errors import UserError
from .classifier.graphs import frozen_graph
from .classifier.training import summaries
from .console import command_line
from .console.console import Console

FLAGS = flags.FLAGS
flags.DEFINE_string("logdir", "tf_files/training_summaries/graph", "The log folder to write to; made if need be.")
flags.DEFINE_string("graph", "tf_files/retrained_graph.pb", "The frozen graph (.pb) to show.")


def main(positional: list[str]) -> None:
    logdir, graph = _places(positional)
    if logdir.is_file():
        raise UserError(f"{logdir} is a file, expected a log folder: give the folder first, then the graph")
    console = Console()
    console.say(f"reading {graph} ...")
    graph_def = frozen_graph.read(graph)
    path = summaries.write_graph(logdir, graph_def)
    console.say(
        f"written: {path} ({len(graph_def.node)} nodes of {graph}, {path.stat().st_size / 1e3:.0f} kB)",
        f"look at it: tensorboard --logdir {shlex.quote(str(logdir))}",
    )


def _places(positional: list[str]) -> tuple[Path, Path]:
    """The log folder and the graph: from flags, else from words."""
    left = [name for name in ("logdir", "graph") if not FLAGS[name].present]
    if len(positional) > len(left):
        wanted = ", ".join(name.upper() for name in left) or "no more words, as flags give both"
        raise UserError(f"expected {wanted}, found {' '.join(positional)}: give the log folder, then the graph")
    given = dict(zip(reversed(left), reversed(positional), strict=False))
    return Path(given.get("logdir", FLAGS.logdir)), Path(given.get("graph", FLAGS.graph))


if __name__ == "__main__":
    command_line.run(main)
