"""Opens a model in another process first, and lets it look at a blank picture there.

Some libraries end the whole process on a damaged file, hang on it, or take all the memory there is. A server, a
notebook or a command must outlive that, and say in a line what happened. This module is that other process too.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .. import machine
from ..errors import UserError
from .model import Model, Wishes

# Opening and one picture take a second or two, and half a minute if the network is large and the machine busy.
_SECONDS = 120
# Of the memory that is free: the models of several cores, and of a server the one still in service, need some too.
_SHARE_OF_MEMORY = 0.5
_PACKAGE = sys.modules[__name__.partition(".")[0]]


def run(opener: str, path: Path, wishes: Wishes) -> None:
    """Raises what opening and running it with the module `opener` raised there; returns None if all went well."""
    root = str(Path(_PACKAGE.__path__[0]).parent)
    program = f"import sys; sys.path[0] = {root!r}; from {__name__} import answer; answer()"
    question = pickle.dumps((opener, path, wishes))
    try:
        done = subprocess.run(
            [sys.executable, "-c", program],
            input=question,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"{path} does not give the scores of a picture within {_SECONDS} seconds: it is damaged, get it again"
        ) from None
    if done.returncode != 0:
        raise UserError(
            f"{path} ends the process that opens it ({_in_words(done.returncode)}), so it is opened no further: it is "
            "damaged or needs more memory than is free; get it again"
        )
    if done.stdout:
        raise UserError(done.stdout.decode("utf-8", "surrogateescape"))


def _in_words(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"status {status}"


def answer() -> None:
    """In the other process: reads the question, and writes nothing or the text of a UserError."""
    import importlib

    opener, path, wishes = pickle.load(sys.stdin.buffer)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # keeps what libraries print out of the answer
    _bound()
    try:
        _look(importlib.import_module(opener).open_model, path, wishes)
    except UserError as error:
        answers.write(str(error).encode("utf-8", "surrogateescape"))
    answers.flush()
    os._exit(0)  # libraries that are at odds with a file may also fail while they are shut down


def _look(open_model: Callable[[Path, Wishes], Model], path: Path, wishes: Wishes) -> None:
    model = open_model(path, wishes)
    take = model.preprocessing
    model.open_runner()(np.zeros((1, take.input_height, take.input_width, 3), np.float32))


def _bound() -> None:
    """Limits its memory, so that nothing else on this machine is ended for it."""
    import resource

    kept = Path("/proc/self/statm")
    if kept.exists():  # elsewhere there is no such limit
        own = int(kept.read_text().split()[5]) * resource.getpagesize()
        most = int(own + _SHARE_OF_MEMORY * machine.free_memory())
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # nobody wants to look into a process expected to end so
