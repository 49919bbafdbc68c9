"""Nodes of a Ray cluster on this machine that stop when the tests end, however they end.

As a script, this module is the process that starts them: it reads a line for each request and answers with one.
"""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

# Ray notices lost nodes sooner with these.
IMPATIENCE = {
    "RAY_health_check_initial_delay_ms": "500",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_failure_threshold": "3",
}
_OBJECT_STORE_BYTES = 80 << 20


def environment(folder: str, silence_ms: int) -> dict[str, str]:
    """What the nodes of a cluster and its drivers share.

    A node that leaves three questions unanswered, each for `silence_ms`, is lost: a busy machine may only be slow.
    """
    return {
        "RAY_TMPDIR": folder,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_health_check_timeout_ms": str(silence_ms),
        **IMPATIENCE,
    }


class Nodes:
    """A head that takes no work; `add` makes nodes that do."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # sockets have short names
        self.environment = environment(self.folder, silence_ms=10_000)  # a killed one is noticed at once
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **self.environment},
            start_new_session=True,
        )
        self._alive: list[psutil.Process] = []
        self.address, self.client_address = self._answer()
        self.environment["RAY_ADDRESS"] = self.address

    def add(self, cpus: int = 1) -> psutil.Process:
        """The node's main process, the parent of its workers."""
        node = psutil.Process(self._ask("add", cpus))
        self._alive.append(node)
        return node

    def one(self) -> psutil.Process:
        """The only node."""
        for spare in self._alive[1:]:
            self.kill(spare)
        return self._alive[0] if self._alive else self.add()

    def kill(self, node: psutil.Process) -> None:
        """Like pulling its plug."""
        self._alive.remove(node)
        for process in [node, *node.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def close(self) -> None:
        self._server.stdin.close()
        self._server.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ask(self, *words):
        print(json.dumps(words), file=self._server.stdin, flush=True)
        return self._answer()

    def _answer(self):
        line = self._server.stdout.readline()
        assert line, "the process that starts nodes has ended"
        return json.loads(line)


def workers(node: psutil.Process) -> list[psutil.Process]:
    """The Ray Data workers below this process."""
    found = []
    for process in node.children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has just ended
            if "MapWorker" in " ".join(process.cmdline()):
                found.append(process)
    return found


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    from ray.cluster_utils import Cluster

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    Path(os.environ["RAY_TMPDIR"], "ray").mkdir(exist_ok=True)
    common = {"include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES}
    cluster = Cluster(True, head_node_args={"num_cpus": 0, "ray_client_server_port": port, **common})
    print(json.dumps([cluster.address, f"ray://127.0.0.1:{port}"]), file=answers, flush=True)
    try:
        for line in sys.stdin:
            _, cpus = json.loads(line)
            node = cluster.add_node(num_cpus=cpus, object_store_memory=_OBJECT_STORE_BYTES)
            (raylet,) = node.all_processes["raylet"]
            print(raylet.process.pid, file=answers, flush=True)
    finally:
        for process in psutil.Process().children(recursive=True):
            process.kill()


if __name__ == "__main__":
    _serve()
