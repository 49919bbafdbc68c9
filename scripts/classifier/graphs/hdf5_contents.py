"""Looks through HDF5 files before their values are read: they may state more than they hold, or name other files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from ..fetching import unpacked_sizes

if TYPE_CHECKING:
    import h5py


def check(file: h5py.File, packed: int, path: Path) -> int:
    """The number of values in it. `packed` is the size of the file.

    Raises ValueError, of which TooLarge is one, if it is not safe to read.
    """
    import h5py

    elsewhere: list[str] = []
    sizes: list[int] = []
    values = 0

    # h5py takes anything but None for the end, and turns errors on the way into a SystemError.
    def visit_link(name: str, link: object) -> None:
        if isinstance(link, h5py.ExternalLink):
            elsewhere.append(name)

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        nonlocal values
        if isinstance(item, h5py.Dataset):
            values += item.size or 0  # an empty one has no size
            sizes.append(item.nbytes)
            if item.external or item.is_virtual:
                elsewhere.append(name)

    try:
        file.visititems_links(visit_link)
        file.visititems(visit)
    except SystemError:
        raise ValueError("not all of its parts can be found") from None
    if elsewhere:
        raise UserError(
            f"{path} takes weights from another file, which is never read: expected all weights in it; save the model "
            "again"
        )
    unpacked_sizes.check(sum(sizes), packed)
    return values
