"""Refuses a measurement that the disk has no room for."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from scripts.classifier.errors import UserError

_MARGIN_BYTES = 1 << 30


def check(folder: Path, what: str, needed: float, files: int, leave_out: str) -> None:
    """`what` takes `needed` bytes and `files` files; `leave_out` is the part of --only to skip instead."""
    free, free_files = shutil.disk_usage(folder).free, os.statvfs(folder).f_favail
    if free < needed + _MARGIN_BYTES:
        has, takes = f"{free / 1e9:.1f} GB free", f"{needed / 1e9:.1f} GB and a margin"
    elif 0 < free_files < files:  # 0 means that the file system has no limit
        has, takes = f"room for {free_files:,} more files", f"{files:,}"
    else:
        return
    raise UserError(
        f"{folder} has {has}, but {what} take {takes}: set TMPDIR to a folder on a larger disk, or leave "
        f"{leave_out} out of --only"
    )
