"""Refuses ONNX models that could do more than turn pictures into numbers, before a runtime is given them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from .. import invocation
from ..errors import UserError, in_short

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

# The standard's own, and those in which onnxruntime has arithmetic of its own, which its tools put into models.
_DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc"}
# In one of these domains, but hands the work to whatever a file beside the model holds.
_OTHERS = {"EPContext"}


def read(path: Path) -> ModelProto:
    """The model without weights from other files."""
    try:
        import onnx
    except ImportError:
        raise missing("onnx") from None
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except DecodeError:
        raise UserError(f"{path} is not an ONNX model or is cut short: get it again") from None
    refuse_others(model, path)
    return model


def missing(package: str) -> UserError:
    return UserError(f"ONNX models need the package {package}, which is not installed: {invocation.install('onnx')}")


def refuse_others(model: ModelProto, path: Path) -> None:
    own = {(function.domain, function.name) for function in model.functions}
    graphs = list(_graphs([node for function in model.functions for node in function.node]))
    nodes = [node for function in model.functions for node in function.node]
    for graph in (model.graph, *_graphs(model.graph.node), *graphs):
        nodes += graph.node
        for tensor in _tensors(graph):
            _refuse_place(tensor, path)
    for node in nodes:
        known = (node.domain in _DOMAINS and node.op_type not in _OTHERS) or (node.domain, node.op_type) in own
        if not known:
            what = in_short(f"{node.op_type} of {node.domain} (its node {node.name or ', '.join(node.output)})")
            raise UserError(
                f"{path} holds the operation {what}, which is never run here: expected the operations of ONNX alone; "
                "export the model again without it"
            )
        for attribute in node.attribute:
            for tensor in (attribute.t, *attribute.tensors):
                _refuse_place(tensor, path)


def _refuse_place(tensor: TensorProto, path: Path) -> None:
    """Weights may be in a file beside the model, and nowhere else: otherwise any file could be read as weights."""
    place = next((each.value for each in tensor.external_data if each.key == "location"), None)
    if place is None:
        return
    outside = any(kind(place).is_absolute() or ".." in kind(place).parts for kind in (PurePosixPath, PureWindowsPath))
    folder = path.parent.resolve()
    if outside or not (folder / place).resolve().is_relative_to(folder):
        raise UserError(
            f"{path} takes weights from {in_short(place)}, outside its folder, which is never read: "
            "expected them in the model or beside it; export the model again"
        )


def _graphs(nodes) -> Iterator[GraphProto]:
    """The graphs inside nodes, such as the branches of If, however deep."""
    waiting: list[NodeProto] = list(nodes)
    while waiting:
        for attribute in waiting.pop().attribute:
            for graph in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                yield graph
                waiting += graph.node


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
