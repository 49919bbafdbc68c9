"""This machine's processors, their arithmetic, and free memory and disk."""

from __future__ import annotations

import math
import os
import platform
import shutil
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def cores() -> int:
    """The processors this process may use, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_bfloat16() -> bool:
    """True if the processor has bfloat16 arithmetic: emulated, it would be slower than float32."""
    return bool(_instruction_sets() & {"avx512_bf16", "amx_bf16"})


def use_onednn() -> None:
    """Before TensorFlow is imported: has it train convolutions with oneDNN, in half the time, on any AVX2 processor.

    By itself TensorFlow uses oneDNN only on processors that also have instructions for small integers or bfloat16.
    """
    if "avx2" in _instruction_sets():
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def _instruction_sets() -> set[str]:
    """Those of an x86 processor under Linux, as the kernel calls them; empty elsewhere."""
    cpuinfo = Path("/proc/cpuinfo")
    if platform.machine() not in ("x86_64", "AMD64") or not cpuinfo.exists():
        return set()
    return set(cpuinfo.read_text().split())


def free_memory() -> float:
    """Bytes that can be allocated without swapping or exceeding the container's limit; a guess except on Linux."""
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2
    words = meminfo.read_text().split()
    free = 1024.0 * int(words[words.index("MemAvailable:") + 1])
    try:
        limit, used = ((_CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
        return free if limit == "max" else min(free, float(limit) - float(used))
    except (OSError, ValueError):
        return free


def free_disk(folder: Path) -> float:
    """Bytes that can be written there; infinite if the file system does not say."""
    try:
        found = shutil.disk_usage(folder)
    except OSError:
        return math.inf
    return found.free if found.total else math.inf
