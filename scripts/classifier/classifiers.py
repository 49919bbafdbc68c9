"""Loads a written classifier and lets it look at pictures."""

from __future__ import annotations

import difflib
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scripts.classifier import frozen_graph, networks, pixels, run_record
from scripts.classifier.errors import UserError
from scripts.classifier.run_record import Preprocessing

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

# What the original's graphs take where nothing else is said.
_DEFAULTS = Preprocessing(224, 224, 128.0, 128.0, "input", "final_result")

# Pictures at once: more gains nothing on two cores and only takes memory.
_BATCH = 32

# From so many pictures on it pays to convert a small graph for XNNPACK, which takes half a second; a large
# one runs no faster there.
_MANY = 100
_LARGE_GRAPH_BYTES = 32 << 20


@dataclass(frozen=True)
class Overrides:
    """What the user says over the graph and its record; None: nothing."""

    input_height: int | None = None
    input_width: int | None = None
    input_mean: float | None = None
    input_std: float | None = None
    input_layer: str | None = None
    output_layer: str | None = None


class Classifier:
    """A graph ready to look at pictures."""

    def __init__(
        self, graph_def: GraphDef, path: Path, labels: tuple[str, ...], preprocessing: Preprocessing, pictures: int
    ):
        self.labels, self.preprocessing, self._path = labels, preprocessing, path
        self._session, self._entry, self._exit = _open(graph_def, preprocessing, path)
        self._fixed_to_one = self._entry.shape.rank == 4 and self._entry.shape[0] == 1
        outputs = self._exit.shape[-1] if self._exit.shape.rank else None
        if outputs is not None and outputs != len(labels):
            raise UserError(
                f"{path} tells {outputs} labels apart, but there are {len(labels)} labels "
                f"({', '.join(labels[:3])} ...): give the right file with --labels"
            )
        small = graph_def.ByteSize() < _LARGE_GRAPH_BYTES and not self._fixed_to_one
        self._run_fast = self._fast_runner(graph_def) if small and pictures >= _MANY else None

    def label(self, pictures: Sequence[Path]) -> Iterator[tuple[Path, np.ndarray | str]]:
        """For each picture its scores, or why it cannot be read, in the order given."""
        with ThreadPoolExecutor(networks.cores()) as pool:
            if self._run_fast is None:
                yield from self._label_in_batches(pool, pictures)
            else:
                yield from self._label_one_by_one(pool, pictures, self._run_fast)

    def _label_in_batches(self, pool: ThreadPoolExecutor, pictures: Sequence[Path]):
        """While the network runs on one batch, the next is decoded."""
        size = 1 if self._fixed_to_one else _BATCH
        batches = [pictures[at : at + size] for at in range(0, len(pictures), size)]
        decoding = deque([pool.submit(self._pixels, path) for path in batch] for batch in batches[:1])
        for number, batch in enumerate(batches):
            following = batches[number + 1 : number + 2]
            decoding.extend([pool.submit(self._pixels, path) for path in each] for each in following)
            decoded = [future.result() for future in decoding.popleft()]
            good = [values for values in decoded if not isinstance(values, str)]
            rows = iter(self._run(np.stack(good)) if good else ())
            for path, values in zip(batch, decoded, strict=True):
                yield path, values if isinstance(values, str) else next(rows)

    def _label_one_by_one(self, pool: ThreadPoolExecutor, pictures: Sequence[Path], run: networks.Run):
        def work(path: Path) -> np.ndarray | str:
            values = self._pixels(path)
            return values if isinstance(values, str) else run(values[None])[0]

        # Not pool.map, which would start on all pictures at once and hold all answers.
        ahead: deque = deque()
        for path in pictures:
            ahead.append((path, pool.submit(work, path)))
            if len(ahead) >= _BATCH:
                done, future = ahead.popleft()
                yield done, future.result()
        for path, future in ahead:
            yield path, future.result()

    def _fast_runner(self, graph_def: GraphDef) -> networks.Run:
        """Runs one picture on the engine that is fastest for small networks, whichever thread asks."""
        take = self.preprocessing
        model = networks.convert_for_xnnpack(
            graph_def, take.input_layer, take.output_layer, take.input_height, take.input_width
        )
        own = threading.local()

        def run(pictures: np.ndarray) -> np.ndarray:
            if not hasattr(own, "run"):
                own.run = networks.xnnpack_runner(model)
            return own.run(pictures)

        return run

    def _run(self, pictures: np.ndarray) -> np.ndarray:
        import tensorflow as tf

        try:
            return self._session.run(self._exit, {self._entry: pictures})
        except tf.errors.InvalidArgumentError as error:
            raise UserError(
                f"{self._path} cannot be run on pictures from {self.preprocessing.input_layer} to "
                f"{self.preprocessing.output_layer}: {' '.join(error.message.split())[:200]}"
            ) from None

    def _pixels(self, path: Path) -> np.ndarray | str:
        take = self.preprocessing
        try:
            square = pixels.decode(path.read_bytes(), take.input_height, take.input_width)
        except pixels.UnreadableImage as error:
            return str(error)
        except OSError as error:
            return error.strerror or str(error)
        return pixels.normalise(square, take.input_mean, take.input_std)


def load(graph: Path, labels: Path | None, overrides: Overrides, pictures: int = 1) -> Classifier:
    """What is not overridden comes from the record beside the graph, else from the graph itself.

    `pictures` is about how many there are to label: for many, a faster engine is made ready.
    """
    graph_def = frozen_graph.read(graph)
    record = run_record.read(graph)
    said = {name: value for name, value in asdict(overrides).items() if value is not None}
    if said.get("input_std") == 0:
        raise UserError("--input_std=0: pixels are divided by it, so it cannot be 0")
    known = _from_graph(graph_def) if record is None else record["preprocessing"]
    preprocessing = Preprocessing(**{**asdict(_DEFAULTS), **known, **said})
    return Classifier(graph_def, graph, _labels(graph, labels, record), preprocessing, pictures)


def _from_graph(graph_def) -> dict:
    """The input's size, where there is a placeholder of the usual name that says it."""
    for node in graph_def.node:
        if node.op == "Placeholder" and node.name == _DEFAULTS.input_layer:
            sizes = [dim.size for dim in node.attr["shape"].shape.dim]
            if len(sizes) == 4 and min(sizes[1:3]) > 0:
                return {"input_height": sizes[1], "input_width": sizes[2]}
    return {}


def _open(graph_def: GraphDef, preprocessing: Preprocessing, path: Path):
    """A session on the graph, and its input and output. It starts faster than a traced function."""
    import tensorflow as tf

    names = {node.name for node in graph_def.node}
    layers = []
    for flag in ("input_layer", "output_layer"):
        name = frozen_graph.node_of(getattr(preprocessing, flag))
        if name not in names:
            nearest = ", ".join(difflib.get_close_matches(name, names, n=3, cutoff=0))
            raise UserError(f"{path} has no node {name}: say which it is with --{flag} (the nearest are {nearest})")
        layers.append(f"{name}:0")
    with tf.Graph().as_default() as graph:
        try:
            entry, exit_ = tf.graph_util.import_graph_def(graph_def, name="", return_elements=layers)
        except ValueError as error:
            raise UserError(f"{path} is not a graph that TensorFlow can run: {' '.join(str(error).split())}") from None
    height, width = preprocessing.input_height, preprocessing.input_width
    if not entry.shape.is_compatible_with([None, height, width, 3]):
        raise UserError(
            f"{path} does not take pictures of {height} x {width} pixels at {entry.name} but {entry.shape}: "
            "give the right --input_height and --input_width, or another --input_layer"
        )
    return tf.compat.v1.Session(graph=graph), entry, exit_


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
