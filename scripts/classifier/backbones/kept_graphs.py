"""Saves frozen graphs that take long to build, for later runs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .. import atomic_files
from ..graphs import frozen_graph

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef


def kept_or_made(kept: Path, make: Callable[[], GraphDef]) -> GraphDef:
    """The graph, read from `kept` if an earlier run left it there.

    Building one takes ten seconds or more. The checksum beside the file reveals damage.
    """
    check = kept.with_name(f"{kept.name}.sha256")
    if is_kept(kept):
        data = kept.read_bytes()
        if check.read_bytes().startswith(hashlib.sha256(data).hexdigest().encode()):
            return frozen_graph.parse(data, str(kept))
    graph_def = make()
    if os.access(next(each for each in kept.parents if each.exists()), os.W_OK):
        data = graph_def.SerializeToString(deterministic=True)
        atomic_files.write_bytes(kept, data)
        atomic_files.write_text(check, f"{hashlib.sha256(data).hexdigest()}  {kept.name}\n")
    return graph_def


def is_kept(kept: Path) -> bool:
    return kept.exists() and kept.with_name(f"{kept.name}.sha256").exists()
