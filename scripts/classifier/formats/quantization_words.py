"""Says what quantizing a graph's weights changed."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path

from ..drawing.percent import percent
from ..graphs.weight_quantization import ROUNDED, SMALLEST, Quantized


def sizes(path: Path) -> list[str]:
    """The size of a file as it is, and compressed as the gzip command does."""
    data = path.read_bytes()
    return [f"{len(each) / 1e3:,.0f} kB" for each in (data, gzip.compress(data, 6))]


def describe(done: Quantized, mode: str, bits: int, files: Mapping[str, list[str]]) -> list[str]:
    """`files` maps the name of each file to its `sizes`."""
    width = max(map(len, files))
    lines = [f"{name:{width}}  {plain:>10}, gzipped {zipped:>10}" for name, (plain, zipped) in files.items()]
    if not done.tensors:
        return [*lines, f"nothing to quantize: no tensor holds {SMALLEST:,} or more floats"]
    how = f"rounded to {2**bits} levels" if mode == ROUNDED else "stored in one byte per value"
    channels = ", each channel on its own scale" if done.by_channel else ""
    tensors = f"{done.tensors} tensor{'' if done.tensors == 1 else 's'}, {percent(done.share)} of all floats"
    return [*lines, f"{tensors}, {how}{channels}", f"largest error: {done.largest_error:.2g}, in {done.where}"]
