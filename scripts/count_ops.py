"""Counts a frozen graph's ops, parameters and multiply-adds.

    python -m scripts.count_ops tf_files/retrained_graph.pb

Parameters are the values of constants, without single numbers, shapes and the like. They are counted with the op
that uses them. Multiply-adds are those of convolutions and matrix products, plus one for each value that goes
into an average. Cheaper work, one operation a value, is left out: adding biases, activations, max pooling.
"""

import gzip
from pathlib import Path

from .classifier.errors import UserError
from .classifier.graphs import costs, frozen_graph
from .classifier.graphs.costs import Statistics
from .classifier.plain_text import json_line
from .console import command_line, flags
from .console.console import Console
from .console.path_kinds import GRAPH

FLAGS = flags.FLAGS
flags.group("classifier")
flags.DEFINE_path(
    "graph", "tf_files/retrained_graph.pb", "The frozen graph (.pb); the flag's name may be left out.", GRAPH
)
flags.group("output")
flags.DEFINE_bool("json", False, "Print JSON.")

# The default of the gzip command.
_GZIP_LEVEL = 6


def main(positional: list[str]) -> None:
    path, console = _graph(positional), Console()
    if not FLAGS.json:
        console.say(f"counting the ops of {path} ...")
    statistics = costs.measure(frozen_graph.read(path), path)
    data = path.read_bytes()
    sizes = len(data), len(gzip.compress(data, _GZIP_LEVEL))
    if FLAGS.json:
        console.say(json_line(_as_record(path, statistics, sizes)))
    else:
        console.say(*_describe(path, statistics, sizes))


def _graph(positional: list[str]) -> Path:
    given = [*positional, *([FLAGS.graph] if FLAGS["graph"].present else [])]
    if len(given) > 1:
        raise UserError(f"expected one graph, found {', '.join(given)}: count one at a time")
    return Path(given[0] if given else FLAGS.graph)


def _describe(path: Path, statistics: Statistics, sizes: tuple[int, int]) -> list[str]:
    rows = [("kind of op", "ops", "parameters", "multiply-adds")]
    for kind in statistics.kinds:
        rows.append((kind.name, *_amounts(kind.ops, kind.parameters, kind.multiply_adds, bool(kind.unknown))))
    totals = statistics.parameters, statistics.multiply_adds, bool(statistics.unknown)
    rows.append(("total", *_amounts(statistics.ops, *totals)))
    name_width, *others = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    table = [
        "  ".join([name.ljust(name_width), *(text.rjust(width) for text, width in zip(amounts, others, strict=True))])
        for name, *amounts in rows
    ]
    of = "one picture" if statistics.pictures == 1 else f"a batch of {statistics.pictures} pictures"
    inputs = (
        ", ".join(f"{name} {_shape(shape)}" for name, shape in statistics.inputs.items()) or "the graph has no input"
    )
    lines = [f"{path}: {statistics.ops:,} ops", "", *table, "", f"multiply-adds are for {of}: {inputs}"]
    if statistics.unknown:
        shown = ", ".join(statistics.unknown[:3]) + (" ..." if len(statistics.unknown) > 3 else "")
        count = f"{len(statistics.unknown)} op{'s' if len(statistics.unknown) > 1 else ''}"
        lines.append(f"unknown for {count} whose shapes or workings the graph does not fix: {shown}")
    return [*lines, f"file: {sizes[0]:,} bytes; with gzip {sizes[1]:,}"]


def _amounts(ops: int, parameters: int, multiply_adds: int, more: bool) -> tuple[str, str, str]:
    """`more` says that some ops do an unknown number of multiply-adds."""
    known = f"{multiply_adds:,}" if multiply_adds else "-"
    if more:
        known = f"at least {known}" if multiply_adds else "unknown"
    return f"{ops:,}", f"{parameters:,}" if parameters else "-", known


def _shape(shape: tuple[int | None, ...] | None) -> str:
    return "of any shape" if shape is None else f"[{', '.join('?' if size is None else str(size) for size in shape)}]"


def _as_record(path: Path, statistics: Statistics, sizes: tuple[int, int]) -> dict:
    """multiply_adds is null unless it is known for all ops."""
    kinds = [
        {
            "kind": kind.name,
            "ops": kind.ops,
            "parameters": kind.parameters,
            "multiply_adds": None if kind.unknown else kind.multiply_adds,
            "unknown": kind.unknown,
        }
        for kind in statistics.kinds
    ]
    return {
        "graph": str(path),
        "ops": statistics.ops,
        "parameters": statistics.parameters,
        "multiply_adds": None if statistics.unknown else statistics.multiply_adds,
        "pictures": statistics.pictures,
        "inputs": statistics.inputs,
        "file_bytes": sizes[0],
        "gzip_bytes": sizes[1],
        "kinds": kinds,
    }


if __name__ == "__main__":
    command_line.run(main)
