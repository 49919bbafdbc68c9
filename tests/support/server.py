"""A server as users start it, and a plain HTTP client."""

import contextlib
import http.client
import json
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.workplace import ROOT, Workplace


@dataclass(frozen=True)
class Response:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Server:
    """Ready once constructed: its output has been read up to the line with its address."""

    def __init__(self, place: Workplace, graph: Path, *words: str):
        self.log: list[str] = []
        self.process = subprocess.Popen(
            place.command("serve", f"--graph={graph}", "--port=0", *words),
            cwd=ROOT,
            env=place.environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.said: list[str] = []  # on standard error, until it answers
        found = None
        while found is None:
            self.said.append(self.process.stderr.readline())
            assert self.said[-1], "".join(self.said)
            found = re.search(r"^serving .* on http://(127\.0\.0\.1):(\d+)/", self.said[-1])
        self.host, self.port = found.group(1), int(found.group(2))
        self.address = f"http://{self.host}:{self.port}"
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()

    def _read_log(self) -> None:
        self.log.extend(iter(self.process.stdout.readline, ""))

    def ask(self, method: str, path: str, body: bytes | str | None = None, **headers: str) -> Response:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            answer = connection.getresponse()
            return Response(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Response:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: bytes | str | dict, **headers: str) -> Response:
        return self.ask("POST", path, json.dumps(body) if isinstance(body, dict) else body, **headers)

    def resident_kb(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1))

    def stop(self) -> int:
        """Returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        self._reader.join(10)
        return status


@contextlib.contextmanager
def serving(place: Workplace, graph: Path, *words: str) -> Iterator[Server]:
    server = Server(place, graph, *words)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait(60)
        server.process.stderr.close()
