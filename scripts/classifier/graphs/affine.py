"""Finds operations that only scale and shift: their result is scale * x + shift, with constant scale and shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from . import frozen_graph
from .patterns import Known, Op
from .wiring import Nodes, attribute, controls_of, insert

if TYPE_CHECKING:
    from tensorflow.core.framework.node_def_pb2 import NodeDef

# TensorFlow's default, for nodes that do not state theirs.
_EPSILON = 1e-4

_ONE, _ZERO = np.array(1.0), np.array(0.0)


@dataclass(frozen=True)
class Affine:
    """scale * x + shift; each is a single number or one per channel, in double precision."""

    scale: np.ndarray
    shift: np.ndarray
    source: str = ""  # the tensor x

    def then(self, later: Affine) -> Affine:
        """This one followed by `later`, as one."""
        return Affine(self.scale * later.scale, self.shift * later.scale + later.shift, self.source)

    def fits(self, channels: int) -> bool:
        return all(each.size in (1, channels) for each in (self.scale, self.shift))


UNCHANGED = Affine(_ONE, _ZERO)


def affine(op: Op) -> Affine | None:
    """The operation as a scale and a shift, or None if it is anything else."""
    scale, shift = _ONE, _ZERO
    match op:
        case Op("FusedBatchNorm" | "BatchNormWithGlobalNormalization"):
            return batch_norm(op)
        case Op(_, [Known(), Known()]):
            return None
        case Op("Neg", [x]):
            scale = -_ONE
        case Op("Add" | "BiasAdd", [x, Known(number)] | [Known(number), x]):
            shift = number.astype(np.float64)
        case Op("Sub", [x, Known(number)]):
            shift = -number.astype(np.float64)
        case Op("Sub", [Known(number), x]):
            scale, shift = -_ONE, number.astype(np.float64)
        case Op("Mul", [x, Known(number)] | [Known(number), x]):
            scale = number.astype(np.float64)
        case Op("Div", [x, Known(number)]) if np.all(number):
            scale = 1 / number.astype(np.float64)
        case _:
            return None
    if any(each.size not in (1, *each.shape[-1:]) for each in (scale, shift)):
        return None
    return Affine(_flat(scale), _flat(shift), x.source)


def _flat(number: np.ndarray) -> np.ndarray:
    """The numbers as [channels], or [] for a single one, without dimensions of size 1."""
    return number.reshape(-1 if number.size > 1 else ())


def batch_norm(op: Op) -> Affine | None:
    """A batch norm in inference, if its statistics are constants and channels come last."""
    match op:
        case Op("FusedBatchNorm", [x, Known(gamma), Known(beta), Known(mean), Known(variance), *_]):
            training = "is_training" not in op.node.attr or op.node.attr["is_training"].b
            if training or attribute(op.node, "data_format").s not in (b"", b"NHWC"):
                return None
            epsilon = op.node.attr["epsilon"].f if "epsilon" in op.node.attr else _EPSILON
        case Op("BatchNormWithGlobalNormalization", [x, Known(mean), Known(variance), Known(beta), Known(gamma)]):
            epsilon = attribute(op.node, "variance_epsilon").f
            if not attribute(op.node, "scale_after_normalization").b:
                gamma = np.ones_like(gamma)
        case _:
            return None
    scale = gamma.astype(np.float64) / np.sqrt(variance.astype(np.float64) + epsilon)
    return Affine(scale, beta - mean * scale, x.source)


def become_multiplication_and_addition(node: NodeDef, found: Affine, nodes: Nodes) -> None:
    """Rewrites the node to compute x * scale + shift with operations that every reader supports."""
    scale, shift = (
        insert(nodes, frozen_graph.constant(f"{node.name}/{name}", values.astype(np.float32)))
        for name, values in (("scale", found.scale), ("shift", found.shift))
    )
    multiply_and_add(node, nodes, found.source, scale, shift)


def multiply_and_add(node: NodeDef, nodes: Nodes, source: str, scale: str, shift: str) -> None:
    """The same, with the names of tensors for scale and shift."""
    product = insert(nodes, frozen_graph.operation(f"{node.name}/mul", "Mul", source, scale))
    node.CopyFrom(frozen_graph.operation(node.name, "Add", product, shift, *controls_of(node)))
