"""A shell on a terminal, for typing into as people do."""

import contextlib
import os
import pty
import select
import time
from pathlib import Path

PROMPT = "ready> "
_QUIET = {"bash": ["--norc", "--noprofile", "-i"], "zsh": ["-f", "-i"]}


class Terminal:
    def __init__(self, shell: str, folder: Path):
        self._pid, self._descriptor = pty.fork()
        if self._pid == 0:
            os.chdir(folder)
            os.environ.update(PS1=PROMPT, TERM="dumb", HOME=str(folder))
            os.execvp(shell, [shell, *_QUIET[shell]])
        self.read_until(PROMPT)

    def type(self, keys: str) -> None:
        os.write(self._descriptor, keys.encode())

    def read_until(self, wanted: str, seconds: float = 60) -> str:
        """What the terminal shows until `wanted` is there; fails with what it showed instead."""
        shown, end = "", time.monotonic() + seconds
        while wanted not in shown:
            if not select.select([self._descriptor], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"{wanted!r} is not in {shown!r}")
            shown += os.read(self._descriptor, 65536).decode(errors="replace").replace("\a", "")
        return shown

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, 9)
        os.waitpid(self._pid, 0)
        os.close(self._descriptor)
