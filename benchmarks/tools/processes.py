"""Runs commands, and single functions, each in a process of its own."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.classifier.errors import UserError

ROOT = Path(__file__).parents[2]


def seconds(*words: str) -> float:
    """How long `python WORDS` takes from start to exit."""
    started = time.perf_counter()
    output(*words)
    return time.perf_counter() - started


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """`python WORDS`"""
    return subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)


def output(*words: str) -> str:
    """What `python WORDS` prints."""
    done = run(*words)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise UserError(f"`python {' '.join(words[:4])} ...` ended with status {done.returncode}: {last}")
    return done.stdout


def import_seconds() -> float:
    """What every command that uses TensorFlow has to wait for; they do not wait for its ending, nor does this."""
    return seconds("-c", "import os, tensorflow; os._exit(0)")


def apart(function: Callable[..., Any], *arguments: str | int) -> Any:
    """What a function gives in a new process, whose time and memory are then its own; it has to be JSON."""
    return json.loads(output("-m", __name__, function.__module__, function.__name__, json.dumps(arguments)))


def megabytes(field: str, process: int | str = "self") -> float:
    """What the system says of a process' memory: VmRSS is what it holds, VmHWM the most that it alone has held.

    getrusage's ru_maxrss counts what the parent held before it as well.
    """
    status = Path("/proc", str(process), "status")
    if not status.exists():
        raise UserError("how much memory a process takes is only known on Linux: leave memory out of --only")
    words = status.read_text().split()
    return int(words[words.index(f"{field}:") + 1]) * 1024 / 1e6


if __name__ == "__main__":
    module, name, arguments = sys.argv[1:]
    print(json.dumps(getattr(importlib.import_module(module), name)(*json.loads(arguments))), flush=True)
    os._exit(0)  # TensorFlow takes its time to take itself apart
