"""Runs commands as a user does, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from scripts.classifier.errors import UserError

_ROOT = Path(__file__).parents[2]


def seconds(*words: str) -> float:
    """How long `python WORDS` takes from start to exit."""
    started = time.perf_counter()
    output(*words)
    return time.perf_counter() - started


def output(*words: str) -> str:
    """What `python WORDS` prints."""
    done = subprocess.run([sys.executable, *words], cwd=_ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise UserError(f"`python {' '.join(words[:3])} ...` ended with status {done.returncode}: {last}")
    return done.stdout


def import_seconds() -> float:
    """What every command that uses TensorFlow has to wait for; they do not wait for its ending, nor does this."""
    return seconds("-c", "import os, tensorflow; os._exit(0)")
