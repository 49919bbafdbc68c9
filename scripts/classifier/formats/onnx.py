"""Writes and opens ONNX models, which many other programs can run."""

from __future__ import annotations

import base64
import contextlib
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import atomic_files
from ..errors import UserError, in_short
from ..graphs import folding
from ..graphs.frozen_graph import node_of
from ..photos import preprocessing
from . import endings, onnx_metadata, onnx_nodes, raw_pixels, sizes
from .contents import LABELS, RECORD, UNKNOWN, Contents, carried
from .model import Model, Wishes
from .raw_pixels import BOTTLENECKS, SCORES

if TYPE_CHECKING:
    import onnxruntime
    from onnx import GraphProto, ModelProto

# tf2onnx' default; runtimes from 2022 on read it.
_OPSET = 15

_KINDS = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}
# Operations that may stand between the scores and the output.
_PASSING = {"Identity", "Reshape", "Squeeze", "Flatten", "Cast", "Dropout", "Transpose", "GlobalAveragePool"}


def write(path: Path, contents: Contents) -> None:
    """Writes a model that takes pixels of 0 to 255, [n, height, width, 3]; our files go into its metadata."""
    atomic_files.check(path)
    onnxruntime = _import_runtime()
    model = _convert(contents)
    for name, data in contents.files(raw_pixels.taken(contents.preprocessing)).items():
        # Metadata can only hold text.
        text = base64.b64encode(data).decode() if name == UNKNOWN else data.decode("utf-8", "replace")
        model.metadata_props.add(key=name, value=text)
    written = model.SerializeToString()
    try:
        onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
    except _errors() as error:
        raise UserError(
            f"the graph cannot become an ONNX model ({_what_is_wrong(error)}): choose another "
            "--format, such as saved_model"
        ) from None
    atomic_files.write_bytes(path, written)


def _convert(contents: Contents) -> ModelProto:
    import tensorflow as tf

    try:
        import tf2onnx
    except ImportError:
        raise onnx_nodes.missing("tf2onnx") from None
    take, bottleneck = contents.preprocessing, contents.bottleneck
    _, output_layer = take.layers
    if bottleneck is not None:
        bottleneck = folding.handed_on(contents.graph_def, node_of(bottleneck))
    folded = folding.fold_constants(contents.graph_def, node_of(output_layer))
    body = tf.function(raw_pixels.function(folded, take, bottleneck), autograph=False)
    with _quietly("tf2onnx"):
        model, _ = tf2onnx.convert.from_function(body, [raw_pixels.spec(folded, take)], opset=_OPSET)
    # Scores first, as those who do not ask for an output by its name take the first.
    outputs = sorted(model.graph.output, key=lambda each: each.name != SCORES)
    del model.graph.output[:]
    model.graph.output.extend(outputs)
    for each in (*model.graph.input, *model.graph.output):
        count = each.type.tensor_type.shape.dim[0]
        if not count.HasField("dim_value"):
            count.dim_param = "n"
    _resize_to_whole_sizes(model.graph)
    return model


def _resize_to_whole_sizes(graph: GraphProto) -> None:
    """Raises factors by the last bit: 77 pixels times 128 / 77, rounded, may be 127.99, of which 127 would be left."""
    from onnx import numpy_helper

    factors = {node.input[2] for node in graph.node if node.op_type == "Resize" and len(node.input) == 3}
    for each in graph.initializer:
        if each.name in factors:
            values = numpy_helper.to_array(each)
            above = np.where(values == 1, values, np.nextafter(values, np.inf, dtype=values.dtype))
            each.CopyFrom(numpy_helper.from_array(above, each.name))


def open_model(path: Path, wishes: Wishes) -> Model:
    """Opens our models, and those from elsewhere, which may take colours before height and width."""
    described = onnx_nodes.read(path)
    session = _open_session(path)
    metadata = session.get_modelmeta().custom_metadata_map
    files = {name: metadata[name].encode() for name in (RECORD, LABELS) if name in metadata}
    if UNKNOWN in metadata:
        try:
            files[UNKNOWN] = base64.b64decode(metadata[UNKNOWN])
        except ValueError as error:
            raise UserError(f"{path}: its {UNKNOWN} is damaged ({error}): export it again") from None
    record, unknown = carried(files, path)
    entry, turned, (height, width), kind = _entry(session, path)
    scores = _scores(session, path)
    outputs = scores.shape[1] if isinstance(scores.shape[1], int) else None
    finish: endings.Scores = endings.as_they_are
    note = None
    if record is not None:
        found = record["preprocessing"]
    else:
        found = {"input_height": height, "input_width": width, **onnx_metadata.preparation(metadata, entry, kind)}
        logits = endings.are_logits(scores.name, _last_operation(described.graph, scores.name))
        finish, outputs, note = endings.finish(logits, outputs)
    take = preprocessing.settle(path, found, wishes.said, needs_layers=False)
    sizes.check(path, take, height, width)
    gives_bottlenecks = (
        record is not None and wishes.bottlenecks and BOTTLENECKS in {each.name for each in session.get_outputs()}
    )
    fetches = [scores.name, *([BOTTLENECKS] if gives_bottlenecks else [])]

    def run(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        if turned:
            pictures = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))
        if kind == np.uint8:
            pictures = np.rint(pictures).clip(0, 255)
        try:
            given, *more = session.run(fetches, {entry: pictures.astype(kind, copy=False)})
        except _errors() as error:
            raise UserError(f"{path} cannot be run on pictures: {_what_is_wrong(error)}") from None
        return finish(given), more[0] if more else None

    # Many threads may run it at once, each on one core.
    return Model(
        path,
        take,
        outputs,
        record,
        unknown,
        lambda: run,
        batch=1,
        one_core=True,
        gives_bottlenecks=gives_bottlenecks,
        labels=None if record is None else tuple(record["labels"]),
        note=note and f"{path} {note}",
    )


def _open_session(path: Path) -> onnxruntime.InferenceSession:
    onnxruntime = _import_runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only: it would print warnings about models
    try:
        # Without `enable_fallback=0` it prints, and tries the same again.
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
        # Text that is not UTF-8 is an error only once it is asked for.
        _ = session.get_modelmeta().custom_metadata_map
        _ = [(each.name, each.shape) for each in (*session.get_inputs(), *session.get_outputs())]
        return session
    except _errors() as error:
        raise UserError(
            f"{path} is not an ONNX model, is cut short or is not for this onnxruntime "
            f"({_what_is_wrong(error)}): get it again"
        ) from None


def _entry(session: onnxruntime.InferenceSession, path: Path) -> tuple[str, bool, tuple, type]:
    """The input's name, whether colours come first, height and width (None if open), and its type."""
    inputs = session.get_inputs()
    shapes = [[size if isinstance(size, int) else None for size in each.shape] for each in inputs]
    if len(inputs) == 1 and len(shapes[0]) == 4 and shapes[0][0] in (1, None) and inputs[0].type in _KINDS:
        kind = _KINDS[inputs[0].type]
        _, a, b, c = shapes[0]
        if a == 3 and c != 3:
            return inputs[0].name, True, (b, c), kind
        if c in (3, None):
            return inputs[0].name, False, (a, b), kind
    taken = " and ".join(f"{each.name}, {each.type} {each.shape}" for each in inputs)
    raise UserError(
        f"{path} takes {taken}: expected a classifier of colour pictures, as [n, height, width, 3] or "
        "[n, 3, height, width]"
    )


def _scores(session: onnxruntime.InferenceSession, path: Path) -> onnxruntime.NodeArg:
    outputs = [each for each in session.get_outputs() if len(each.shape) == 2 and each.type in _KINDS]
    for found in ([each for each in outputs if each.name == SCORES], outputs):
        if len(found) == 1:
            return found[0]
    given = " and ".join(f"{each.name}, {each.type} {each.shape}" for each in session.get_outputs())
    raise UserError(f"{path} gives {given}: expected a classifier that gives scores, [n, labels]")


def _last_operation(graph: GraphProto, output: str) -> str | None:
    makers = {name: node for node in graph.node for name in node.output}
    while output in makers and makers[output].op_type in _PASSING:
        output = makers[output].input[0]
    return makers[output].op_type if output in makers else None


def _import_runtime():
    try:
        import onnxruntime
    except ImportError:
        raise onnx_nodes.missing("onnxruntime") from None
    return onnxruntime


def _errors() -> tuple[type[Exception], ...]:
    """Everything that onnxruntime raises; its exceptions have no common base class."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    raised = [each for each in vars(state).values() if isinstance(each, type) and issubclass(each, Exception)]
    return (*raised, ValueError, RuntimeError)


def _what_is_wrong(error: Exception) -> str:
    """The error without onnxruntime's numbers, and without the path, which our message has."""
    text = " ".join(str(error).split()).rpartition("[ONNXRuntimeError] : ")[2]
    return in_short(re.sub(r"^\d+ : \w+ : |Load model from .*? failed: ?", "", text))


@contextlib.contextmanager
def _quietly(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
