"""Hosts in separate Linux network namespaces that share a disk, each a node of a Ray cluster."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support import ray_nodes

_PORT = 6379


class Host:
    """A host connected to the switch. The first is the head and takes no work."""

    def __init__(self, number: int, folder: Path, common: dict[str, str]):
        self.name, self.ip = f"poets-{os.getpid()}-{number}", f"10.77.0.{number + 1}"
        self.environment = {**os.environ, **common, "RAY_TMPDIR": str(folder / str(number))}
        self.process: subprocess.Popen | None = None
        Path(self.environment["RAY_TMPDIR"]).mkdir()
        self._said = folder / f"{number}.log"

    def command(self, *words: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, *words]

    def start_ray(self, head: "Host") -> None:
        place = ["--head", f"--port={_PORT}", "--num-cpus=0", "--include-dashboard=false"]
        if head is not self:
            place = [f"--address={head.ip}:{_PORT}", "--num-cpus=1"]
        words = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *place]
        self.process = subprocess.Popen(
            self.command(*words, f"--node-ip-address={self.ip}", "--object-store-memory=80000000"),
            env=self.environment,
            stdout=self._said.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait_until_it_runs(self) -> None:
        end = time.monotonic() + 90
        while "Ray runtime started" not in self._said.read_text():
            assert time.monotonic() < end and self.process.poll() is None, self._said.read_text()
            time.sleep(0.1)

    def cut_off(self) -> None:
        _run(*self.command("ip", "link", "set", "eth0", "down"))

    def workers(self) -> list[psutil.Process]:
        return ray_nodes.workers(psutil.Process(self.process.pid))

    def close(self) -> None:
        if self.process is not None:
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                for process in psutil.Process(self.process.pid).children(recursive=True):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.kill()
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@contextlib.contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """A head and this many workers, all running Ray."""
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    common = ray_nodes.environment(str(folder), silence_ms=1_000)
    switch = f"poets-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            _run("ip", "netns", "add", switch)
            stack.callback(_run, "ip", "netns", "del", switch)
            _run("ip", "-n", switch, "link", "add", "hub", "type", "bridge")
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", None) or str(error)
            pytest.skip(f"this machine makes no network namespaces: {said.strip()}")
        _run("ip", "-n", switch, "link", "set", "hub", "up")
        found = []
        for number in range(count + 1):
            host = Host(number, folder, common)
            _run("ip", "netns", "add", host.name)
            stack.callback(_run, "ip", "netns", "del", host.name)
            stack.callback(host.close)
            _plug_in(host, switch, f"p{number}")
            found.append(host)
        # One after another: Ray puts all sockets into the head's folder, under whatever names are free.
        for host in found:
            host.start_ray(found[0])
            host.wait_until_it_runs()
        yield found


def _plug_in(host: Host, switch: str, port: str) -> None:
    _run("ip", "-n", host.name, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", switch)
    _run("ip", "-n", switch, "link", "set", port, "master", "hub", "up")
    _run("ip", "-n", host.name, "addr", "add", f"{host.ip}/24", "dev", "eth0")
    for device in ("eth0", "lo"):
        _run("ip", "-n", host.name, "link", "set", device, "up")


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True)
