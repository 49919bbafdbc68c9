"""Cuts what is waiting into blocks, each one worker's work for some seconds."""

from __future__ import annotations

from collections.abc import Iterator

from ...photos import folders
from ...photos.folders import Place
from ..extraction import Job

# Of a small network and of a large one: some seconds' work, so that what a dead worker leaves is soon done again and
# what a block itself costs (a claim, a result, a message) is not noticed.
_SMALL_NETWORK, _LARGE_NETWORK = 256, 64

# So many blocks a worker at least, where there are photos enough, so that all come to an end at about the same time.
_BLOCKS_EACH = 8

_MOST_TOGETHER = 4


def cut(waiting: list[Job], image_dir: Place, workers: int, large_network: bool) -> Iterator[list[Job]]:
    """Photos of one size may be copies of one another, which must not be computed by two workers at once: they stay
    together, as long as a block becomes no more than four times as large. Large photos come first, small ones fill up
    the end.
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
