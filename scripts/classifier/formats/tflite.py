"""Writes and opens .tflite files, for phones and small boards."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import atomic_files
from ..errors import UserError, in_short
from ..graphs import frozen_graph, litert
from ..graphs.frozen_graph import node_of
from ..photos import preprocessing
from ..photos.preprocessing import Preprocessing
from . import endings, sizes, tflite_file, tflite_metadata
from .contents import LABELS, Contents, carried
from .model import Model, Run, Wishes

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter
    from tensorflow.core.framework.graph_pb2 import GraphDef

# 256 steps from the smallest value to the largest are too coarse for these. The accuracy of color_texture, which is
# made of square roots and quotients, fell from 93 % to 53 %.
_FOR_FLOATS_ONLY = {"Sqrt", "Rsqrt", "Square", "SquaredDifference", "Pow", "Exp", "Log", "RealDiv", "Div", "Reciprocal"}

# The converter rounds tensors of at least this many weights to 8 bits.
_ROUNDED_FROM = {"int8": 0, "dynamic": 1024}


def write(
    path: Path, contents: Contents, quantize: str = "none", samples: Iterable[np.ndarray] | None = None
) -> str | None:
    """`quantize` is one of kinds.QUANTIZATIONS. Returns a note for the user, if any.

    `samples` are prepared pictures like those the classifier will see: int8 needs them, and dynamic is more accurate
    with them.
    """
    from ..graphs import folding, mirroring

    pictures = list(samples or ()) if quantize in _ROUNDED_FROM else []
    if quantize == "int8" and not pictures:
        raise UserError(
            "--quantize=int8 needs training photos to measure the ranges of values, and there are none: give their "
            "folder with --image_dir"
        )
    _, output_layer = contents.preprocessing.layers
    graph_def = folding.fold_constants(contents.graph_def, node_of(output_layer))
    graph_def = mirroring.reversed_where_mirrored(folding.fold_scales_into_convolutions(graph_def))
    note = None
    if quantize == "int8" and (unfit := _for_floats_only(graph_def)):
        note = f"{', '.join(unfit)} in 8 bits would ruin its scores: only the weights are in 8 bits, as with dynamic"
        quantize = "dynamic"
    model = _convert(graph_def, contents.preprocessing, quantize, pictures)
    atomic_files.write_bytes(path, _complete(model, contents, quantize))
    return note


def _for_floats_only(graph_def: GraphDef) -> list[str]:
    """The graph's operations that suffer in 8 bits. Division by a constant does not."""
    constants = {node.name for node in graph_def.node if node.op == "Const"}
    return sorted(
        {
            node.op
            for node in graph_def.node
            if node.op in _FOR_FLOATS_ONLY and not (node.op in ("RealDiv", "Div") and node.input[1] in constants)
        }
    )


def _convert(graph_def: GraphDef, take: Preprocessing, quantize: str, pictures: Sequence[np.ndarray]) -> bytes:
    import tensorflow as tf
    from tensorflow.lite.python.convert_phase import ConverterError

    from . import bias_correction

    input_layer, output_layer = take.layers
    if quantize in _ROUNDED_FROM and pictures:
        least = _ROUNDED_FROM[quantize]
        graph_def = bias_correction.correct(graph_def, input_layer, output_layer, pictures, least)
    body = frozen_graph.function(graph_def, [input_layer], output_layer)
    entry = tf.TensorSpec([1, take.input_height, take.input_width, 3], tf.float32)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([tf.function(body).get_concrete_function(entry)])
    if quantize != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        # Otherwise the LiteRT of phones a few years old would not know the last layer.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantize == "int8":
        converter.representative_dataset = lambda: ([picture[None]] for picture in _over_the_full_range(pictures, take))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about an input without statistics, which is in pixels anyway
            return converter.convert()
    except (ConverterError, RuntimeError, ValueError) as error:
        unknown = sorted(set(re.findall(r"'tf\.(\w+)' op", str(error))))
        reason = f"LiteRT does not know {', '.join(unknown)}" if unknown else in_short(error)
        other = "--quantize=dynamic or another --format" if quantize == "int8" and not unknown else "another --format"
        raise UserError(f"this classifier cannot be written as .tflite ({reason}): use {other}") from None


def _over_the_full_range(pictures: Sequence[np.ndarray], take: Preprocessing) -> list[np.ndarray]:
    """Puts a black and a white pixel into the first picture, so that the 256 steps are the 256 values of a pixel."""
    first = pictures[0].copy()
    first[0, 0], first[0, 1] = ((pixel - take.input_mean) / take.input_std for pixel in (0, 255))
    return [first, *pictures[1:]]


def _complete(model: bytes, contents: Contents, quantize: str) -> bytes:
    """The model with labels, record and metadata."""
    given = contents.preprocessing
    (entry,) = litert.open_interpreter(model).get_input_details()
    whole = entry["dtype"] != np.float32
    mean, std = _as_pixels(entry) if whole else (given.input_mean, given.input_std)
    take = Preprocessing(given.input_height, given.input_width, mean, std, fit=given.fit)
    more = " and others" if len(contents.labels) > 5 else ""
    description = tflite_metadata.Description(
        name=f"{contents.record.get('backbone', {}).get('architecture', 'image')} classifier",
        text=f"Recognises {len(contents.labels)} labels: {', '.join(contents.labels[:5])}{more}.",
        mean=mean,
        std=std,
        fit=given.fit,
        input_range=(0, 255) if whole else (-mean / std, (255 - mean) / std),
        output_range=(0, 255) if whole else (0, 1),
        labels=LABELS,
        files=contents.files(take, quantize=quantize),
    )
    input_layer, output_layer = given.layers
    return tflite_metadata.embed(model, node_of(input_layer), node_of(output_layer), description)


def open_model(path: Path, wishes: Wishes) -> Model:
    """Opens our files, and those from elsewhere, whose input and metadata may say what pictures they expect."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    first = _open(data, path)
    entry, exit_ = _ends(first, path)
    inside = tflite_metadata.read(data, path)
    record, unknown = carried(inside.files, path)
    height, width = (int(size) if size > 0 else None for size in entry["shape_signature"][1:3])
    if record is not None:
        found = record["preprocessing"]
    else:
        mean, std = _normalization(entry, inside, wishes, path)
        found = {"input_height": height, "input_width": width, "input_mean": mean, "input_std": std}
    take = preprocessing.settle(path, found, wishes.said, needs_layers=False)
    sizes.check(path, take, height, width)
    outputs: int | None = int(exit_["shape"][-1])
    finish: endings.Scores = endings.as_they_are
    note = None
    if record is None:
        finish, outputs, note = endings.finish(tflite_file.gives_logits(data), outputs)
    wanted = [exit_["index"]]
    hidden_layers = len((record or {}).get("recipe", {}).get("hidden_units", ()))
    if wishes.bottlenecks and (bottleneck := tflite_file.bottleneck_tensor(data, hidden_layers)) is not None:
        wanted.append(bottleneck)
        data, first = tflite_file.with_output(data, bottleneck), None
    shape = None if height and width else (1, take.input_height, take.input_width, 3)
    ready = [first] if first is not None and shape is None else []

    def open_runner() -> Run:
        try:
            interpreter = ready.pop()  # the one opened above to inspect the file
        except IndexError:
            interpreter = _open(data, path, shape)
        run = litert.runner(interpreter, wanted)

        def run_one(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
            rows = [values.reshape(1, -1) for values in run(pictures)]
            return finish(rows[0]), rows[1] if len(rows) > 1 else None

        return run_one

    return Model(
        path,
        take,
        outputs,
        record,
        unknown,
        open_runner,
        batch=1,
        one_core=True,
        gives_bottlenecks=len(wanted) > 1,
        labels=inside.labels if record is None else tuple(record["labels"]),
        note=note and f"{path} {note}",
    )


def _open(data: bytes, path: Path, shape: Sequence[int] | None = None) -> Interpreter:
    try:
        for custom in tflite_file.custom_operations(data):
            raise UserError(
                f"{path} holds the operation {in_short(custom)}, which is not TensorFlow Lite's own and is never run "
                "here: convert the model again with TFLITE_BUILTINS alone"
            )
        return litert.open_interpreter(data, shape)
    except ValueError:
        raise UserError(f"{path} is damaged or cut short, so LiteRT cannot read it: get it again") from None
    except RuntimeError as error:
        raise UserError(f"LiteRT cannot run {path}: {in_short(error)}") from None


def _ends(interpreter: Interpreter, path: Path) -> tuple[dict, dict]:
    """The model's input and output, which must be a picture and a row of scores."""
    takes, gives = interpreter.get_input_details(), interpreter.get_output_details()
    expected = "expected a classifier that takes one colour picture, [1, height, width, 3], and gives [1, labels]"
    if len(takes) != 1 or len(gives) != 1:
        raise UserError(f"{path} takes {len(takes)} and gives {len(gives)} tensors: {expected}")
    shape, given = list(takes[0]["shape_signature"]), list(gives[0]["shape"])
    if len(shape) != 4 or shape[0] not in (1, -1) or shape[3] != 3:
        raise UserError(f"{path} takes {[int(size) for size in shape]}: {expected}")
    if not given or int(np.prod(given)) != given[-1]:
        raise UserError(f"{path} gives {[int(size) for size in given]}: {expected}")
    if np.dtype(takes[0]["dtype"]) not in (np.float32, np.float16, np.uint8, np.int8):
        raise UserError(f"{path} takes {np.dtype(takes[0]['dtype'])}: expected pictures as float32, uint8 or int8")
    return takes[0], gives[0]


def _normalization(
    entry: dict, inside: tflite_metadata.Found, wishes: Wishes, path: Path
) -> tuple[float | None, float | None]:
    """The mean and deviation of its input; None if unknown."""
    if np.dtype(entry["dtype"]).kind != "f":
        return _as_pixels(entry)
    said = wishes.said.input_mean is not None and wishes.said.input_std is not None
    if not said and (len({*inside.mean}) > 1 or len({*inside.std}) > 1):
        raise UserError(
            f"{path} wants each colour normalised differently (means {inside.mean}, deviations {inside.std}), which is "
            "not supported: give one --input_mean and --input_std for all"
        )
    return inside.mean[0] if inside.mean else None, inside.std[0] if inside.std else None


def _as_pixels(entry: dict) -> tuple[float, float]:
    """Mean and deviation that give an 8-bit input the pixels themselves, as tools for phones do."""
    scale, zero = entry["quantization"]
    return float(zero - np.iinfo(entry["dtype"]).min), 1 / (scale or 1)
