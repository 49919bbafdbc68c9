"""Ends the process at a chosen moment: just before its n-th change to a file or folder, or some time after that.

Every change that Python makes counts: opening for writing, creating, renaming, removing, each write to a descriptor.
Changes by C++ have no number, which is why there is the time. A write that is cut off has written half of its data.

The variables below say when. They are read at each change, because a forked process gets its own.
"""

import itertools
import json
import os
import runpy
import signal
import sys
import time
from pathlib import Path

# Only changes in this folder count.
FOLDER = "POETS_KILLED_IN"
# JSON: the number of the change, and the seconds after it; or nothing, for a run that is only observed.
MOMENT = "POETS_KILLED_AT"
# Gets a line for each change: the time, and what is done to what.
LOG = "POETS_KILLED_LOG"

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
# Where the folder of each path is in the event's arguments, if it is not the current one.
_PATHS = {
    "os.rename": ((0, 2), (1, 3)),
    "os.remove": ((0, 1),),
    "os.mkdir": ((0, 2),),
    "os.rmdir": ((0, 1),),
    "os.truncate": ((0, None),),
    "os.symlink": ((1, 2),),
    "os.link": ((1, 3),),
}
# Functions of the C library that change files and raise no event of their own.
_FUNCTIONS = ("renameat2", "syncfs")
_numbers = itertools.count(1)
_write, _pwrite, _fsync = os.write, os.pwrite, os.fsync


def _hook(event: str, arguments: tuple) -> None:
    if FOLDER not in os.environ:
        return
    if event == "open":
        path, _, flags = arguments
        if not isinstance(path, int) and flags & _WRITING:
            _change(event, _place(path, -1))
    elif event in _PATHS:
        _change(event, *(_place(arguments[at], -1 if of is None else arguments[of]) for at, of in _PATHS[event]))
    elif event == "ctypes.dlsym" and arguments[1] in _FUNCTIONS:
        _change(arguments[1], os.environ[FOLDER])


def _place(path: object, folder: int) -> str:
    if isinstance(path, int):
        return os.readlink(f"/proc/self/fd/{path}")
    start = os.getcwd() if folder == -1 else os.readlink(f"/proc/self/fd/{folder}")
    return os.path.normpath(os.path.join(start, os.fsdecode(os.fspath(path))))


def _change(what: str, *paths: str) -> bool:
    """True if the process shall end now but has something to do before."""
    if not any(Path(path).is_relative_to(os.environ[FOLDER]) for path in paths):
        return False
    number = next(_numbers)
    if LOG in os.environ:
        log = os.open(os.environ[LOG], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        _write(log, f"{json.dumps([time.monotonic(), what, *paths])}\n".encode())
        os.close(log)
    if MOMENT in os.environ:
        at, seconds = json.loads(os.environ[MOMENT])
        if number == at and seconds:  # nothing handles this signal, so it ends the process like SIGKILL
            signal.setitimer(signal.ITIMER_REAL, seconds)
        elif number == at and what in ("write", "pwrite"):
            return True
        elif number == at:
            os.kill(os.getpid(), signal.SIGKILL)
    return False


def _cut(real, what: str):
    def write(descriptor: int, data: bytes, *more: int) -> int:
        if FOLDER in os.environ and _change(what, _place(descriptor, -1)):
            real(descriptor, memoryview(data)[: len(data) // 2], *more)
            os.kill(os.getpid(), signal.SIGKILL)
        return real(descriptor, data, *more)

    return write


def _synced(descriptor: int) -> None:
    if FOLDER in os.environ:
        _change("fsync", _place(descriptor, -1))
    _fsync(descriptor)


os.write, os.pwrite, os.fsync = _cut(_write, "write"), _cut(_pwrite, "pwrite"), _synced
sys.addaudithook(_hook)
runpy.run_path(str(Path(__file__).parents[1] / "without_test_packages" / "sitecustomize.py"))
