"""Runs commands in forks of one process that has imported TensorFlow, which takes longer than most tests.

A fork has its own arguments, environment, folder and files, and runs the command from its first line; only the
import is already done. As a script, this module is the process that is forked.
"""

import array
import atexit
import contextlib
import functools
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

# The variable that tells a command which server forks the commands it starts.
SERVER = "POETS_WARM_COMMANDS"

_LONGEST_REQUEST = 1 << 20


class Running:
    """A started command, with the interface of subprocess.Popen."""

    def __init__(self, words: list[str], folder: Path, environment: dict[str, str], stdout, stderr):
        """`words`: the module to run, and its arguments. `stdout` and `stderr` are files open for writing."""
        self.args, self.returncode = words, None
        request = json.dumps({"words": words, "folder": str(folder), "environment": environment})
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._connection.connect(environment.get(SERVER) or server(environment.get("PYTHONPATH", "")))
        with open(os.devnull) as nothing:
            files = [nothing.fileno(), stdout.fileno(), stderr.fileno()]
            socket.send_fds(self._connection, [request.encode()], files)
            self.pid = json.loads(self._connection.recv(_LONGEST_REQUEST))

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout)
            self.returncode = json.loads(self._connection.recv(_LONGEST_REQUEST))
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run(
    words: list[str], folder: Path, environment: dict[str, str], timeout: float = 300
) -> subprocess.CompletedProcess:
    """Returns what subprocess.run(..., capture_output=True, text=True) would."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        running = Running(words, folder, environment, out, errors)
        try:
            status = running.wait(timeout)
        except BaseException:
            running.kill()
            raise
        texts = []
        for file in (out, errors):
            file.seek(0)
            texts.append(file.read().decode().replace("\r\n", "\n"))
    return subprocess.CompletedProcess(words, status, *texts)


@functools.cache
def server(python_path: str) -> str:
    """The address of the process that forks, which ends with this one."""
    folder = tempfile.mkdtemp()
    address = os.path.join(folder, "commands")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address)
    listener.listen()
    forking = subprocess.Popen(
        [sys.executable, __file__, str(listener.fileno())],
        pass_fds=[listener.fileno()],
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": python_path},
    )
    listener.close()

    def end() -> None:
        forking.stdin.close()
        forking.wait(60)
        os.unlink(address)
        os.rmdir(folder)

    atexit.register(end)
    return address


def _serve(listener: socket.socket) -> None:
    """Forks for each request until standard input ends, and reports how each fork ended."""
    from scripts.classifier.formats import quiet_tensorflow

    with open(os.devnull, "w") as nothing:
        native = os.dup(2)
        os.dup2(nothing.fileno(), 2)  # hides what TensorFlow writes during its import
        os.environ.update(quiet_tensorflow.COMMAND_SETTINGS)
        import tensorflow  # noqa: F401

        os.dup2(native, 2)
        os.close(native)
    gc.freeze()
    ended, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    askers: dict[int, socket.socket] = {}
    while True:
        ready = select.select([listener, ended, 0], [], [])[0]
        if listener in ready:
            asker, _ = listener.accept()
            request, files, *_ = socket.recv_fds(asker, _LONGEST_REQUEST, 3)
            child = os.fork()
            if child == 0:
                for each in (listener, asker, *askers.values()):
                    each.close()
                _become(json.loads(request), files)
            for file in files:
                os.close(file)
            askers[child] = asker
            asker.send(json.dumps(child).encode())
        if ended in ready:
            os.read(ended, 1024)
        for child in list(askers):
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                with contextlib.suppress(BrokenPipeError), askers.pop(child) as asker:
                    asker.send(json.dumps(os.waitstatus_to_exitcode(status)).encode())
        if 0 in ready:
            for child in askers:
                os.kill(child, signal.SIGKILL)
            return


def _become(request: dict, files: array.array) -> None:
    """Turns the forked process into the command."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # A shell that runs the tests in the background makes them, and so their children, ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    # As with Python's own streams, the descriptors stay open when these objects are deleted.
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None
    module, *words = request["words"]
    sys.argv = [module, *words]
    status = 1
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[2])
    _serve(socket.socket(fileno=int(sys.argv[1])))
