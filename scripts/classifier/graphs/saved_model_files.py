"""Says what the signatures of a SavedModel take, in sizes and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef


def sizes_of(shape) -> tuple[int | None, ...] | None:
    """Of a TensorShapeProto: None for a size that is not fixed, or where not even their number is."""
    return None if shape.unknown_rank else tuple(None if dim.size < 0 else dim.size for dim in shape.dim)


def in_words(signature: SignatureDef) -> str:
    import tensorflow as tf

    inputs = []
    for name, each in sorted(signature.inputs.items()):
        sizes = ("?" if size is None else str(size) for size in sizes_of(each.tensor_shape) or ())
        inputs.append(f"{name}, {tf.as_dtype(each.dtype).name} [{', '.join(sizes)}]")
    return " and ".join(inputs[:3]) or "nothing"
