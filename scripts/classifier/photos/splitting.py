"""Decides which photos of a label are held out for validation and testing, from their paths alone."""

from __future__ import annotations

import hashlib
import re

TRAINING, VALIDATION, TESTING = SPLITS = ("training", "validation", "testing")


def held_out(paths: list[str], wanted: dict[str, float]) -> dict[str, str]:
    """path -> split for those photos of one label that are not for training; `wanted` holds percentages.

    Photos whose names agree up to `_nohash_` are variations of one another and stay together. A photo's set depends
    on its path alone, unless that would leave a set empty. Then the largest set gives up its group with the lowest
    hash.
    """
    groups: dict[float, list[str]] = {}
    for path in paths:
        groups.setdefault(_percentage_hash(path), []).append(path)
    positions: dict[str, list[float]] = {TRAINING: [], **{split: [] for split in wanted}}
    for position in sorted(groups):
        positions[_split_at(position, wanted)].append(position)
    needy = [TRAINING] + [split for split, percentage in wanted.items() if percentage > 0]
    for split in needy:
        largest = max(positions.values(), key=len)
        if not positions[split] and len(largest) > 1:
            positions[split].append(largest.pop(0))
    return {path: split for split in wanted for position in positions[split] for path in groups[position]}


def _split_at(position: float, wanted: dict[str, float]) -> str:
    """The original's order: validation lowest, then testing, and the rest is training."""
    edge = 0.0
    for split in (VALIDATION, TESTING):
        edge += wanted.get(split, 0)
        if position < edge:
            return split
    return TRAINING


def _percentage_hash(path: str) -> float:
    """A number from 0 to 100 that depends on the path alone, so that a photo keeps its set when others are added."""
    grouped = re.sub(r"_nohash_.*$", "", path) if "_nohash_" in path else path
    number = int.from_bytes(hashlib.sha1(grouped.encode("utf-8", "surrogateescape")).digest()[:7], "big")
    return 100 * number / 2**56
