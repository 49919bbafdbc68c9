"""Run as `-m tests.support.warm_benchmark benchmarks.NAME ...`: a benchmark whose own processes are forked too."""

import os
import runpy
import subprocess
import sys

from benchmarks.tools import processes
from tests.support import warm_commands


def _forked(*words: str) -> subprocess.CompletedProcess:
    option, *rest = words
    assert option == "-m", f"only modules can be run by a fork, not {words}"
    return warm_commands.run(rest, processes.ROOT, dict(os.environ))


if __name__ == "__main__":
    processes.run = _forked
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
