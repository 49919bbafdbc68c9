"""Finds the signature of any SavedModel that takes pictures and gives scores."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from ..graphs.frozen_graph import node_of
from ..graphs.saved_model_files import Signature, Tensor, in_words, signatures_of
from ..graphs.wiring import inputs_of
from .raw_pixels import BOTTLENECKS, SCORES

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef

# Our signatures take encoded pictures, tf.train.Examples of them, pixels, and pixels for bottlenecks as well as scores.
SERVING, CLASSIFY, PIXELS, WITH_BOTTLENECKS = "serving_default", "classify", "pixels", "bottlenecks"
# Inputs and outputs have the names that TensorFlow Serving looks for.
IMAGE_BYTES, EXAMPLES, CLASSES = "image_bytes", "inputs", "classes"
_KINDS = ("float32", "float16", "uint8")  # of pixels


@dataclass(frozen=True)
class Way:
    """The signature that leads from pictures to scores."""

    signature: str
    pictures: Tensor
    scores: Tensor
    bottlenecks: str | None = None

    def sizes(self) -> tuple[int | None, int | None, int | None]:
        """Batch, height and width, each None if any will do."""
        batch, height, width, _ = self.pictures.shape or (None,) * 4
        return batch, height, width

    def outputs(self) -> int | None:
        return None if self.scores.shape is None else self.scores.shape[1]


def choose(meta_graph: MetaGraphDef, path: Path, with_bottlenecks: bool) -> Way:
    """The signature that takes pixels; of several, the one for serving, else ours."""
    signatures = signatures_of(meta_graph)
    if not signatures:
        raise UserError(f"{path} has no signatures, so its inputs and outputs are not known: save it with signatures")
    fitting = {name: way for name, each in signatures.items() if (way := _way_through(each)) is not None}
    if with_bottlenecks and WITH_BOTTLENECKS in fitting:
        return dataclasses.replace(fitting[WITH_BOTTLENECKS], bottlenecks=BOTTLENECKS)
    for name in (SERVING, PIXELS):
        if name in fitting:
            return fitting[name]
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    raise UserError(
        f"{path}: expected one signature that takes colour pictures, float32 [n, height, width, 3], and gives scores, "
        f"[n, labels]: {in_words(signatures.values())}"
    )


def _way_through(signature: Signature) -> Way | None:
    pictures, scores = signature.pictures(), _scores(signature.outputs)
    if pictures is None or scores is None or pictures.kind not in _KINDS:
        return None
    way = Way(signature.name, pictures, scores)
    return way if way.sizes()[0] in (1, None) else None


def _scores(outputs: Iterable[Tensor]) -> Tensor | None:
    """The output [n, labels]; of several, the one whose name suggests scores."""
    floats = [each for each in outputs if "float" in each.kind and each.may_have_rank(2)]
    for word in (SCORES, "prob", "softmax", "predict", ""):
        named = [each for each in floats if word in each.key.lower()]
        if len(named) == 1:
            return named[0]
    return None


def last_operation(graph_def: GraphDef, tensor: str) -> str | None:
    """The operation that computes a tensor, ignoring reshaping and looking inside functions; None if not found."""
    functions = {each.signature.name: each for each in graph_def.library.function}
    nodes, function = {node.name: node for node in graph_def.node}, None
    while (node := nodes.get(node_of(tensor))) is not None:
        if node.op in ("PartitionedCall", "StatefulPartitionedCall"):
            function = functions.get(node.attr["f"].func.name)
            if function is None:
                return None
            # A function's output is called a:0 outside and a:output:0 within another function.
            given = function.signature.output_arg[int(tensor.rpartition(":")[2] or 0) if ":" in tensor else 0]
            nodes, tensor = {each.name: each for each in function.node_def}, function.ret[given.name]
        elif node.op in ("Identity", "Reshape", "Squeeze", "Cast"):
            tensor = inputs_of(node)[0]
        else:
            return node.op
    return None
