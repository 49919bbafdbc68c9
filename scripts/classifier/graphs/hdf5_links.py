"""Refuses HDF5 files whose weights are in other files: any file could be read as weights, and end up in scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError

if TYPE_CHECKING:
    import h5py


def refuse_others(file: h5py.File, path: Path) -> None:
    """Looks at the kinds of links and of storage, and opens nothing elsewhere."""
    import h5py

    seen, waiting = set(), [file["/"]]
    while waiting:
        group = waiting.pop()
        for name in group:
            link = group.get(name, getlink=True)
            elsewhere = isinstance(link, h5py.ExternalLink)
            if isinstance(link, h5py.HardLink):
                each = group[name]
                elsewhere = isinstance(each, h5py.Dataset) and bool(each.external or each.is_virtual)
                # A group may be linked into itself.
                address = h5py.h5o.get_info(each.id).addr
                if isinstance(each, h5py.Group) and address not in seen:
                    seen.add(address)
                    waiting.append(each)
            if elsewhere:
                raise UserError(
                    f"{path} takes weights from another file, which is never read: expected all weights in it; save "
                    "the model again"
                )
