"""Names the machine and the versions that figures were measured with."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

from scripts.classifier.machine import cores, has_bfloat16


def describe() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    bfloat16 = "with" if has_bfloat16() else "without"
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("TensorFlow", "Pillow"))
    return (
        f"{_processor()} ({bfloat16} bfloat16), {cores()} cores, {memory:.0f} GB of memory, "
        f"{platform.system()}, Python {platform.python_version()}, {versions}"
    )


def load() -> str:
    """How busy the machine was: load makes figures worse."""
    return "system load over the last 1, 5 and 15 minutes: " + ", ".join(f"{load:.1f}" for load in os.getloadavg())


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    for line in cpuinfo.read_text().splitlines() if cpuinfo.exists() else []:
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()
