"""Writes a frozen graph into a log folder, where TensorBoard shows it.

    python -m scripts.graph_pb2tb tf_files/training_summaries/graph tf_files/retrained_graph.pb

The arguments are the log folder and the graph; a single one is the graph. They may also be given as --logdir and
--graph. The values of large constants (weights) are left out, which keeps the log small. A training's log in the
same folder is kept.
"""

import shlex
from pathlib import Path

from .classifier.errors import UserError
from .classifier.graphs import frozen_graph
from .classifier.training import summaries
from .console import command_line, flags
from .console.console import Console
from .console.path_kinds import FOLDER, GRAPH

FLAGS = flags.FLAGS
flags.group("output")
flags.DEFINE_path("logdir", "tf_files/training_summaries/graph", "The log folder, made if missing.", FOLDER)
flags.group("classifier")
flags.DEFINE_path("graph", "tf_files/retrained_graph.pb", "The frozen graph (.pb) to show.", GRAPH)


def main(positional: list[str]) -> None:
    logdir, graph = _places(positional)
    if logdir.is_file():
        raise UserError(f"{logdir} is a file, expected a log folder: give the folder first, then the graph")
    console = Console()
    console.say(f"reading {graph} ...")
    graph_def = frozen_graph.read(graph, to_run=False)
    path = summaries.write_graph(logdir, graph_def)
    console.say(
        f"written: {path} ({len(graph_def.node)} nodes of {graph}, {path.stat().st_size / 1e3:.0f} kB)",
        f"look at it: tensorboard --logdir {shlex.quote(str(logdir))}",
    )


def _places(positional: list[str]) -> tuple[Path, Path]:
    """The log folder and the graph, from flags or else from arguments."""
    left = [name for name in ("logdir", "graph") if not FLAGS[name].present]
    if len(positional) > len(left):
        wanted = ", ".join(name.upper() for name in left) or "no more words, as flags give both"
        raise UserError(f"expected {wanted}, found {' '.join(positional)}: give the log folder, then the graph")
    given = dict(zip(reversed(left), reversed(positional), strict=False))
    return Path(given.get("logdir", FLAGS.logdir)), Path(given.get("graph", FLAGS.graph))


if __name__ == "__main__":
    command_line.run(main)
