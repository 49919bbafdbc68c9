"""Finds dropout in old graphs and removes it: it only matters in training."""

from __future__ import annotations

from .patterns import Op
from .wiring import Nodes, become_identity, placeholder_sizes

_ARITHMETIC = {"Add", "Sub", "Mul", "Div", "Inv", "Reciprocal", "Identity", "Cast"}


def pass_over(nodes: Nodes) -> None:
    """Replaces x / keep_prob * floor(keep_prob + random), and the forms of later TensorFlows, by x."""
    for node in nodes.values():
        match Op.at(node.name, nodes):
            case Op("Mul", [scaled, mask]) if _is_mask(mask):
                become_identity(node, _unscaled(scaled))
            case Op("Mul", [mask, scaled]) if _is_mask(mask):
                become_identity(node, _unscaled(scaled))
            case Op("Select", [test, scaled, _]) if _is_random_test(test):
                become_identity(node, _unscaled(scaled))


def _is_mask(op: Op) -> bool:
    match op:
        case Op("Floor", [noise]):
            return _is_random(noise)
        case Op("Cast", [test]):
            return _is_random_test(test)
    return False


def _is_random_test(op: Op) -> bool:
    match op:
        case Op("GreaterEqual" | "Less", [noise, _]):
            return _is_random(noise)
    return False


def _is_random(op: Op) -> bool:
    """True for RandomUniform, scaled and shifted by anything."""
    waiting, seen = [op], set()
    while waiting:
        match waiting.pop():
            case Op("RandomUniform"):
                return True
            case Op("Add" | "Sub" | "Mul" | "Identity", inputs) as op if op.node.name not in seen:
                seen.add(op.node.name)
                waiting += inputs
    return False


def _unscaled(op: Op) -> str:
    """The x in x / keep_prob or x * (1 / keep_prob)."""
    match op:
        case Op("Div", [x, _]):
            return x.source
        case Op("Mul", [x, scale]) if _is_scalar(scale) and not _is_scalar(x):
            return x.source
        case Op("Mul", [scale, x]) if _is_scalar(scale) and not _is_scalar(x):
            return x.source
    return op.source


def _is_scalar(op: Op) -> bool:
    """True if it is computed from single numbers alone."""
    match op:
        case Op("Const"):
            return not op.node.attr["value"].tensor.tensor_shape.dim
        case Op("Placeholder"):
            return not placeholder_sizes(op.node)
        case Op(kind, inputs) if kind in _ARITHMETIC:
            return all(map(_is_scalar, inputs))
    return False
