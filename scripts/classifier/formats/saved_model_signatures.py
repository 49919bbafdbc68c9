"""Finds, among the signatures of a SavedModel from anywhere, the one that takes pictures and gives scores."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError
from ..graphs.frozen_graph import node_of
from ..graphs.saved_model_files import in_words, sizes_of
from ..graphs.wiring import inputs_of
from .raw_pixels import BOTTLENECKS, SCORES

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef, SignatureDef, TensorInfo

# What takes encoded pictures, TensorFlow's records of them, pixels, and pixels for those who want bottlenecks, too.
SERVING, CLASSIFY, PIXELS, WITH_BOTTLENECKS = "serving_default", "classify", "pixels", "bottlenecks"
# The names of what goes in and comes out are those that TensorFlow Serving looks for.
IMAGE_BYTES, EXAMPLES, CLASSES = "image_bytes", "inputs", "classes"


@dataclass(frozen=True)
class Signature:
    """A function of the SavedModel, and the names of what goes in and comes out."""

    name: str
    pictures: str
    kind: np.dtype  # of the pictures
    sizes: tuple[int | None, int | None, int | None]  # of a batch, height and width; None where any goes
    scores: str
    outputs: int | None
    computed: str  # the tensor of the graph that the scores are
    bottlenecks: str | None = None


def choose(meta_graph: MetaGraphDef, path: Path, with_bottlenecks: bool) -> Signature:
    """The signature that takes pixels; of several, the one for serving or ours."""
    signatures = {name: each for name, each in meta_graph.signature_def.items() if not name.startswith("__")}
    if not signatures:
        raise UserError(f"{path} has no signatures, which say what goes in and comes out: save it with signatures")
    fitting = {name: found for name, each in signatures.items() if (found := _fit(name, each)) is not None}
    if with_bottlenecks and WITH_BOTTLENECKS in fitting:
        return dataclasses.replace(fitting[WITH_BOTTLENECKS], bottlenecks=BOTTLENECKS)
    for name in (SERVING, PIXELS):
        if name in fitting:
            return fitting[name]
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    shown = "; ".join(f"{name} takes {in_words(each)}" for name, each in sorted(signatures.items())[:4])
    raise UserError(
        f"{path}: expected one signature that takes colour pictures, float32 [n, height, width, 3], and gives scores, "
        f"[n, labels]: {shown}"
    )


def _fit(name: str, signature: SignatureDef) -> Signature | None:
    import tensorflow as tf

    scores = _scores(signature.outputs)
    if len(signature.inputs) != 1 or scores is None:
        return None
    ((pictures, entry),) = signature.inputs.items()
    shape = sizes_of(entry.tensor_shape)
    kinds = {tf.as_dtype(kind).as_datatype_enum: np.dtype(kind) for kind in ("float32", "float16", "uint8")}
    batch, height, width, channels = (None,) * 4 if shape is None else shape if len(shape) == 4 else (0,) * 4
    if entry.dtype not in kinds or batch not in (1, None) or channels not in (3, None):
        return None
    given = signature.outputs[scores]
    columns = (sizes_of(given.tensor_shape) or (None, None))[1]
    return Signature(name, pictures, kinds[entry.dtype], (batch, height, width), scores, columns, given.name)


def _scores(outputs: Mapping[str, TensorInfo]) -> str | None:
    """The output that is [n, labels]; of several, the one that is called like scores."""
    import tensorflow as tf

    floats = [
        name
        for name, each in sorted(outputs.items())
        if tf.as_dtype(each.dtype).is_floating and len(sizes_of(each.tensor_shape) or (0, 0)) == 2
    ]
    for word in (SCORES, "prob", "softmax", "predict", ""):
        named = [name for name in floats if word in name.lower()]
        if len(named) == 1:
            return named[0]
    return None


def last_operation(graph_def: GraphDef, tensor: str) -> str | None:
    """What computes a tensor, also inside functions, as far as it is not only reshaped; None if that is not there."""
    functions = {each.signature.name: each for each in graph_def.library.function}
    nodes, function = {node.name: node for node in graph_def.node}, None
    while (node := nodes.get(node_of(tensor))) is not None:
        if node.op in ("PartitionedCall", "StatefulPartitionedCall"):
            function = functions.get(node.attr["f"].func.name)
            if function is None:
                return None
            # Of a function's node it is a:0 outside and a:output:0 within another function.
            given = function.signature.output_arg[int(tensor.rpartition(":")[2] or 0) if ":" in tensor else 0]
            nodes, tensor = {each.name: each for each in function.node_def}, function.ret[given.name]
        elif node.op in ("Identity", "Reshape", "Squeeze", "Cast"):
            tensor = inputs_of(node)[0]
        else:
            return node.op
    return None
