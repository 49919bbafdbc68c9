"""Opens a model in another process first, and lets it look at a blank picture there.

Some libraries end the whole process on a damaged file, hang on it, or take all the memory there is. A server, a
notebook or a command must outlive that, and say in a line what happened. This module is that other process too.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, NoReturn

import numpy as np

from .. import machine
from ..errors import UserError
from .model import Model, Wishes

# Opening and one picture take a second or two, and half a minute if the network is large and the machine busy.
_SECONDS = 120
# Of the memory that is free: the models of several cores, and of a server the one still in service, need some too.
_SHARE_OF_MEMORY = 0.5
# Libraries whose own threads do not survive a fork, unlike NumPy's.
_WITH_THREADS = {"tensorflow", "onnxruntime"}
_PACKAGE = sys.modules[__name__.partition(".")[0]]


def run(opener: str, path: Path, wishes: Wishes) -> None:
    """Raises what opening and running it with the module `opener` raised there; returns None if all went well."""
    question = opener, path, wishes
    try:
        status, refusal = (_in_a_fork if _can_fork() else _in_a_new_process)(*question)
    except subprocess.TimeoutExpired:
        raise UserError(
            f"{path} does not give the scores of a picture within {_SECONDS} seconds: it is damaged, get it again"
        ) from None
    if status != 0:
        raise UserError(
            f"{path} ends the process that opens it ({_in_words(status)}), so it is opened no further: it is "
            "damaged or needs more memory than is free; get it again"
        )
    if refusal:
        raise UserError(refusal.decode("utf-8", "surrogateescape"))


def _in_words(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"status {status}"


def _can_fork() -> bool:
    """A fork costs a tenth of a new process, but has only one of this process' threads: others must not be missed."""
    alone = threading.active_count() == 1 and not _WITH_THREADS & sys.modules.keys()
    return sys.platform == "linux" and alone


def _in_a_fork(opener: str, path: Path, wishes: Wishes) -> tuple[int, bytes]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):  # its end is all that this process shall know
            os.close(reading)
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, 1)
            os.dup2(nothing, 2)
            faulthandler.disable()  # it would print to the former descriptor 2
            _answer(opener, path, wishes, os.fdopen(writing, "wb"))
        os._exit(1)
    os.close(writing)
    with open(reading, "rb") as answers:
        ended = select.select([answers], [], [], _SECONDS)[0]
        if not ended:
            os.kill(child, signal.SIGKILL)
        refusal = answers.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if not ended:
        raise subprocess.TimeoutExpired(opener, _SECONDS)
    return status, refusal


def _in_a_new_process(opener: str, path: Path, wishes: Wishes) -> tuple[int, bytes]:
    root = str(Path(_PACKAGE.__path__[0]).parent)
    program = f"import sys; sys.path[0] = {root!r}; from {__name__} import answer; answer()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=pickle.dumps((opener, path, wishes)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=_SECONDS,
    )
    return done.returncode, done.stdout


def answer() -> None:
    """In a new process: reads the question and answers it."""
    opener, path, wishes = pickle.load(sys.stdin.buffer)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # keeps what libraries print out of the answer
    _answer(opener, path, wishes, answers)


def _answer(opener: str, path: Path, wishes: Wishes, answers: IO[bytes]) -> NoReturn:
    """Writes nothing or the text of a UserError, and ends this process."""
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
