"""Keeps the branches of an old graph that known conditions select, and drops the others."""

from __future__ import annotations

from .frozen_graph import node_of
from .patterns import Known, Op
from .wiring import Nodes, become_identity, in_order, inputs_of, port_of

_LOOPS = {"Enter", "Exit", "NextIteration", "RefEnter"}


def take_known(nodes: Nodes) -> None:
    """Replaces each Switch and Merge on a known condition by its selected branch."""
    if any(node.op in _LOOPS for node in nodes.values()):
        return
    dead: set[str] = set()  # nodes that never run
    closed: dict[str, int] = {}  # a Switch's output that never fires
    merged: dict[str, str] = {}  # a Merge's only live input

    def never_comes(source: str) -> bool:
        name = node_of(source)
        return name in dead or (not source.startswith("^") and closed.get(name) == port_of(source))

    for node in in_order(nodes):
        if node.op == "Merge":
            sources = inputs_of(node)
            alive = [source for source in sources if not never_comes(source)]
            if not alive:
                dead.add(node.name)
            elif len(alive) == 1 < len(sources):
                merged[node.name] = alive[0]
        elif any(never_comes(source) for source in node.input):
            dead.add(node.name)
        elif node.op == "Switch":
            condition = _condition(Op.at(node.input[1], nodes))
            if condition is not None:
                closed[node.name] = 0 if condition else 1
    for name in dead:
        del nodes[name]
    for name in closed:
        become_identity(nodes[name], nodes[name].input[0])
    for name, source in merged.items():
        become_identity(nodes[name], source)
    for node in nodes.values():
        for index, source in enumerate(node.input):
            if not source.startswith("^") and node_of(source) in closed:
                node.input[index] = node_of(source)


def _condition(op: Op) -> bool | None:
    match op:
        case Known(known):
            return bool(known)
        case Op("Identity", [inner]):
            return _condition(inner)
        case Op("LogicalNot", [inner]):
            opposite = _condition(inner)
            return None if opposite is None else not opposite
    return None
