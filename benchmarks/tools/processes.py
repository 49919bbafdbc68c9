"""Runs commands and functions, each in a separate process."""

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
    """Runs `python WORDS`."""
    return subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)


def output(*words: str) -> str:
    """What `python WORDS` prints."""
    done = run(*words)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(f"`python {' '.join(words[:4])} ...` ended with status {done.returncode}: {last}")
    return done.stdout


def import_seconds() -> float:
    """The time that commands wait for TensorFlow's import; its shutdown is skipped, as commands skip it."""
    return seconds("-c", "import os, tensorflow; os._exit(0)")


def apart(function: Callable[..., Any], *arguments: str | int) -> Any:
    """Calls a function in a new process, to measure its time and memory alone; its result must be JSON."""
    return json.loads(output("-m", __name__, function.__module__, function.__name__, json.dumps(arguments)))


def megabytes(field: str, process: int | str = "self") -> float:
    """A process' memory: VmRSS is what it holds now, VmHWM its own peak.

    getrusage's ru_maxrss also counts what the parent held before the fork.
    """
    status = Path("/proc", str(process), "status")
    if not status.exists():
        raise UserError("the memory of a process can be measured on Linux only: leave memory out of --only")
    words = status.read_text().split()
    return int(words[words.index(f"{field}:") + 1]) * 1024 / 1e6


if __name__ == "__main__":
    module, name, arguments = sys.argv[1:]
    print(json.dumps(getattr(importlib.import_module(module), name)(*json.loads(arguments))), flush=True)
    os._exit(0)  # skips TensorFlow's slow shutdown
