"""Loads a written classifier and lets it look at pictures."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from scripts.classifier import frozen_graph, networks, pixels, run_record
from scripts.classifier.errors import UserError
from scripts.classifier.run_record import Preprocessing

# What the original's graphs take where nothing else is said.
_DEFAULTS = Preprocessing(224, 224, 128.0, 128.0, "input", "final_result")

# Pictures at once: more gains nothing on two cores and only takes memory.
_BATCH = 32


@dataclass(frozen=True)
class Overrides:
    """What the user says over the graph and its record; None: nothing."""

    input_height: int | None = None
    input_width: int | None = None
    input_mean: float | None = None
    input_std: float | None = None
    input_layer: str | None = None
    output_layer: str | None = None


@dataclass(frozen=True)
class Classifier:
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    run: Callable[[np.ndarray], np.ndarray]  # float32 [n, height, width, 3] -> probabilities [n, labels]
    batch: int  # the most pictures that `run` takes

    def label(self, pictures: Iterable[Path]) -> Iterator[tuple[Path, np.ndarray | str]]:
        """For each picture its probabilities, or why it cannot be read, in the order given."""
        pictures = iter(pictures)
        with ThreadPoolExecutor(networks.cores()) as pool:
            upcoming = self._decode(pool, pictures)
            while upcoming:
                batch, upcoming = upcoming, self._decode(pool, pictures)
                yield from self._run([(path, future.result()) for path, future in batch])

    def _decode(self, pool: ThreadPoolExecutor, pictures: Iterator[Path]):
        """Starts on the next batch, which is decoded while the network runs on the one before."""
        return [(path, pool.submit(self._pixels, path)) for path in islice(pictures, self.batch)]

    def _run(self, decoded: list[tuple[Path, np.ndarray | str]]) -> Iterator[tuple[Path, np.ndarray | str]]:
        good = [values for _, values in decoded if not isinstance(values, str)]
        rows = iter(self.run(np.stack(good)) if good else ())
        for path, values in decoded:
            yield path, values if isinstance(values, str) else next(rows)

    def _pixels(self, path: Path) -> np.ndarray | str:
        take = self.preprocessing
        try:
            square = pixels.decode(path.read_bytes(), take.input_height, take.input_width)
        except pixels.UnreadableImage as error:
            return str(error)
        except OSError as error:
            return error.strerror or str(error)
        return pixels.normalise(square, take.input_mean, take.input_std)


def load(graph: Path, labels: Path | None, overrides: Overrides) -> Classifier:
    """What is not overridden comes from the record beside the graph, else from the graph itself."""
    graph_def = frozen_graph.read(graph)
    record = run_record.read(graph)
    said = {name: value for name, value in asdict(overrides).items() if value is not None}
    if said.get("input_std") == 0:
        raise UserError("--input_std=0: pixels are divided by it, so it cannot be 0")
    known = _from_graph(graph_def) if record is None else record["preprocessing"]
    preprocessing = Preprocessing(**{**asdict(_DEFAULTS), **known, **said})
    run, batch, output_count = _compile(graph_def, preprocessing, graph)
    names = _labels(graph, labels, record)
    if output_count is not None and output_count != len(names):
        raise UserError(
            f"{graph} tells {output_count} labels apart, but there are {len(names)} labels "
            f"({', '.join(names[:3])} ...): give the right file with --labels"
        )
    return Classifier(names, preprocessing, run, batch)


def _from_graph(graph_def) -> dict:
    """The input's size, where there is a placeholder of the usual name that says it."""
    for node in graph_def.node:
        if node.op == "Placeholder" and node.name == _DEFAULTS.input_layer:
            sizes = [dim.size for dim in node.attr["shape"].shape.dim]
            if len(sizes) == 4 and min(sizes[1:3]) > 0:
                return {"input_height": sizes[1], "input_width": sizes[2]}
    return {}


def _compile(graph_def, preprocessing: Preprocessing, path: Path):
    """(run, most pictures it takes at once, number of labels or None)"""
    import tensorflow as tf

    names = {node.name for node in graph_def.node}
    for flag in ("input_layer", "output_layer"):
        name = frozen_graph.node_of(getattr(preprocessing, flag))
        if name not in names:
            nearest = ", ".join(difflib.get_close_matches(name, names, n=3, cutoff=0))
            raise UserError(f"{path} has no node {name}: say which it is with --{flag} (the nearest are {nearest})")
    # A session starts faster than a traced function, which counts when there is one picture.
    with tf.Graph().as_default() as graph:
        try:
            entry, exit_ = tf.graph_util.import_graph_def(
                graph_def, name="",
                return_elements=[f"{frozen_graph.node_of(layer)}:0"
                                 for layer in (preprocessing.input_layer, preprocessing.output_layer)],
            )  # fmt: skip
        except ValueError as error:
            raise UserError(f"{path} is not a graph that TensorFlow can run: {' '.join(str(error).split())}") from None
    session = tf.compat.v1.Session(graph=graph)

    def run(pictures: np.ndarray) -> np.ndarray:
        try:
            return session.run(exit_, {entry: pictures})
        except (tf.errors.InvalidArgumentError, ValueError) as error:
            reason = " ".join(error.message.split() if hasattr(error, "message") else str(error).split())
            raise UserError(
                f"{path} does not take pictures of {pictures.shape[1]} x {pictures.shape[2]} pixels at "
                f"{preprocessing.input_layer} ({reason[:200]}): give --input_height and --input_width"
            ) from None

    one_by_one = entry.shape.rank == 4 and entry.shape[0] == 1
    return run, 1 if one_by_one else _BATCH, exit_.shape[-1] if exit_.shape.rank else None


def _labels(graph: Path, given: Path | None, record: dict | None) -> tuple[str, ...]:
    """From the file that the user names, else the one beside the graph, else the graph's record."""
    beside = graph.with_name(graph.stem.replace("graph", "labels") + ".txt")
    file = given if given is not None else beside
    try:
        lines = file.read_text("utf-8").splitlines()
    except FileNotFoundError:
        if given is None and record is not None:
            return tuple(record["labels"])
        hint = "give the file that holds one label a line with --labels"
        raise UserError(f"the labels of {graph} were looked for in {file}, which does not exist: {hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read as labels ({error}): expected a text file, one label a line") from None
    return tuple(line for line in lines if line.strip())
