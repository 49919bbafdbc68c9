"""Cuts the waiting photos into blocks, each a few seconds' work for one worker."""

from __future__ import annotations

from collections.abc import Iterator

from ...photos import folders
from ...photos.folders import Place
from ..extraction import Job

# Photos in a block, a few seconds' work with a small or a large network: what a dead worker leaves is soon redone, and
# the cost of the block itself (a claim, a result, a message) goes unnoticed.
_SMALL_NETWORK, _LARGE_NETWORK = 256, 64

# At least this many blocks for each worker, if there are enough photos, so that all finish at about the same time.
_BLOCKS_EACH = 8

_MOST_TOGETHER = 4


def cut(waiting: list[Job], image_dir: Place, workers: int, large_network: bool) -> Iterator[list[Job]]:
    """Large photos come first; small ones fill the gaps at the end.

    Photos of the same size in bytes may be copies, and two workers must not compute the same vector at once. They stay
    together unless that makes a block more than four times as large.
    """
    most = (_LARGE_NETWORK if large_network else _SMALL_NETWORK) // max(1, *(len(job.views) for job in waiting))
    most = max(1, min(most, -(-len(waiting) // (_BLOCKS_EACH * workers))))
    sizes = [folders.size(image_dir, job.path) for job in waiting]
    order = sorted(range(len(waiting)), key=lambda at: (-sizes[at], waiting[at].path))
    block: list[Job] = []
    for before, at in zip([order[0], *order], order, strict=False):
        if len(block) >= most and (not sizes[at] or sizes[before] != sizes[at] or len(block) >= _MOST_TOGETHER * most):
            yield block
            block = []
        block.append(waiting[at])
    yield block
