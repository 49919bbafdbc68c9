"""One worker's part: it opens the network once, then computes one block of photos after another."""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import ray

from scripts.classifier import distortions, photo_folders
from scripts.classifier.cluster.claims import Claim, ClaimedCache, Superseded
from scripts.classifier.cluster.decoder import Decoder
from scripts.classifier.cluster.run_folder import Result, RunFolder
from scripts.classifier.errors import UserError

if TYPE_CHECKING:
    from scripts.classifier import networks
    from scripts.classifier.bottlenecks import Job, Look

# So often a block may be begun on workers that die; a photo that ends its decoder takes the first of them only.
_MOST_ATTEMPTS = 5


@dataclass(frozen=True)
class Task:
    """What all workers of a run are told."""

    image_dir: str
    bottleneck_dir: str
    run: RunFolder
    sample: str  # a photo that every worker must see, by its path in image_dir
    sample_stamp: str | None
    backbone: ray.ObjectRef  # of a pickled Backbone
    precision: str
    threads: int


class Worker:
    """What Ray makes one of in each of its processes, and calls with a block at a time."""

    def __init__(self, task: Task):
        self._task, self._tools = task, None

    def __call__(self, row: dict) -> dict:
        """Takes {number, jobs}, gives {number, photos, error}: no error is an empty one."""
        number, jobs = int(row["number"]), pickle.loads(row["jobs"])
        error = ""
        try:
            if self._tools is None:
                self._tools = _Tools(self._task)
            self._do(number, jobs, self._tools)
        except Superseded:
            pass  # another has it, and will say what comes of it
        except ModuleNotFoundError as missing:
            error = f"has no package {missing.name}: pip install -r requirements/core.txt -r requirements/cluster.txt"
        except UserError as problem:
            error = str(problem)
        return {"number": number, "photos": len(jobs), "error": f"the worker on {_here()} {error}" if error else ""}

    def _do(self, number: int, jobs: list[Job], tools: _Tools) -> None:
        from scripts.classifier.bottlenecks import Extraction

        run = self._task.run
        if run.result(number) is not None:
            return  # done before, by a worker that died before it could say so
        claim = Claim(run.claim(number), _here())
        if len(claim.earlier) >= _MOST_ATTEMPTS:
            raise UserError(
                f"was given {len(jobs)} photos ({jobs[0].path} ...) on which {len(claim.earlier)} workers died "
                f"({', '.join(sorted(set(claim.earlier)))}): see to it that they have enough memory, then run again"
            )
        tools.cache.refresh()
        cache, record = ClaimedCache(tools.cache, claim), _Record()
        with tools.looking(carefully=bool(claim.earlier)) as look:
            extraction = Extraction(jobs, tools.image_dir, cache, record, look)
            extraction.run(tools.network, tools.size, lambda count: None, tools.crew)
        cache.flush()
        with claim.held():
            run.write_result(number, Result(record.read, extraction.found.unreadable, cache.added))


class _Tools:
    """What a worker opens once, having made sure that it sees what the driver sees."""

    def __init__(self, task: Task):
        # Before TensorFlow is imported: other workers have the other processors.
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(task.threads)
        os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
        self.image_dir = photo_folders.at(task.image_dir)
        if not task.run.is_seen():
            raise UserError(
                f"does not see {task.run.path}: --bottleneck_dir must be a folder that all machines share, under the "
                "same name"
            )
        if task.sample_stamp is not None and photo_folders.stamp(self.image_dir, task.sample) is None:
            raise UserError(
                f"does not see {self.image_dir / task.sample}: --image_dir must be a folder that all machines share, "
                "under the same name, or a URL"
            )
        from scripts.classifier import bottlenecks, networks

        backbone = pickle.loads(ray.get(task.backbone))
        networks.decide_precision(task.precision, backbone)
        self.size = backbone.input_size
        self.crew = bottlenecks.Crew(photo_folders.readers(self.image_dir, task.threads))
        self.cache = bottlenecks.open_cache(Path(task.bottleneck_dir), backbone, task.precision)
        self._backbone, self._precision, self._network = backbone, task.precision, None

    def network(self) -> _Reused:
        """What photos run through, the same for block after block."""
        from scripts.classifier import networks

        if self._network is None:
            self._network = _Reused(networks.Network(self._backbone, self._precision))
        return self._network

    @contextlib.contextmanager
    def looking(self, carefully: bool) -> Iterator[Look]:
        """How photos are decoded: here, or carefully, when a worker has died over them before."""
        if not carefully:
            yield distortions.look
            return
        with contextlib.closing(Decoder()) as decoder:
            yield decoder.look


class _Reused:
    """A network whose runners, which take a while to open, stay with the threads that asked for them."""

    def __init__(self, network: networks.Network):
        self.batch = network.batch
        self._open, self._opened = network.runner, threading.local()

    def runner(self) -> networks.Run:
        if not hasattr(self._opened, "run"):
            self._opened.run = self._open()
        return self._opened.run


class _Record:
    """Takes the place of PhotoDigests: remembers nothing of before, and keeps what was read for the driver."""

    def __init__(self):
        self.read: list[tuple[str, str | None, str]] = []

    def get(self, path: str) -> None:
        return None

    def put(self, path: str, stamp: str | None, content: bytes) -> None:
        self.read.append((path, stamp, content.hex()))

    def save(self) -> None:
        pass


def _here() -> str:
    return f"{socket.gethostname()} ({ray.util.get_node_ip_address()})"
