"""Runs fetch without this machine's own network settings."""

import os
import subprocess
import sys

from tests.support.workplace import ROOT


def run(*arguments, **environment):
    for name in ("POETS_MIRROR", "http_proxy", "https_proxy", "no_proxy"):
        environment.setdefault(name, "")
    return subprocess.run(
        [sys.executable, "-m", "scripts.fetch", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def check_one_line_error(process, *parts):
    assert process.returncode == 1, process
    # It may have printed what it was about to do.
    assert process.stdout == "" or (process.stdout.count("\n") == 1 and " into " in process.stdout)
    assert process.stderr.startswith("error: ")
    assert process.stderr.count("\n") == 1
    for part in parts:
        assert part in process.stderr
