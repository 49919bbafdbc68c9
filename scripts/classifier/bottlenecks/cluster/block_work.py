"""The work of a worker: opens the network once, then computes one block of photos after another."""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path

import ray

from ...backbones import engine
from ...backbones.network import Network, Run
from ...errors import UserError
from ...photos import distortions, folders
from ..crew import Crew
from ..extraction import Extraction, Job, Look, open_cache
from .claims import Claim, ClaimedCache, Superseded
from .decoder import Decoder
from .run_folder import Result, RunFolder
from .task import Task

# A block is abandoned once this many workers have died over it. A photo that crashes the decoder kills only the first.
_MOST_ATTEMPTS = 5


class BlockWork:
    """Checks that it sees the driver's folders, then loads what it needs once."""

    def __init__(self, task: Task, here: str):
        """`here` is this machine's name for people."""
        # Set before TensorFlow is imported: the other processors belong to other workers.
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(task.threads)
        os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
        # Workers are given processors. Several would fight for the memory of one GPU, and not every machine has one.
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        self._image_dir = folders.at(task.image_dir)
        self._run, self._here = RunFolder(Path(task.run), task.token), here
        if not self._run.is_seen():
            raise UserError(
                f"does not see {task.run}: --bottleneck_dir must be a folder that all machines share under the same "
                "name"
            )
        if task.sample_stamp is not None and folders.stamp(self._image_dir, task.sample) is None:
            raise UserError(
                f"does not see {self._image_dir / task.sample}: --image_dir must be a folder that all machines share "
                "under the same name, or a URL"
            )
        backbone = pickle.loads(ray.get(task.backbone))
        self._engine = engine.of_this_machine(task.precision, large=backbone.large, gpu=None)
        self._size, self._fit = backbone.input_size, backbone.fit
        self._crew = Crew(folders.readers(self._image_dir, task.threads))
        self._cache = open_cache(Path(task.bottleneck_dir), backbone, self._engine)
        self._backbone = backbone
        self._network: _Reused | None = None

    def do(self, number: int, jobs: list[Job]) -> None:
        """Returns when the block is done, or when another worker has taken it over and will report on it."""
        with contextlib.suppress(Superseded):
            if self._run.result(number) is None:  # else a worker finished it but died before it could report
                self._do(number, jobs, Claim(self._run.claim(number), self._here))

    def _do(self, number: int, jobs: list[Job], claim: Claim) -> None:
        if len(claim.earlier) >= _MOST_ATTEMPTS:
            raise UserError(
                f"gave up on {'a photo' if len(jobs) == 1 else f'{len(jobs)} photos'} ({jobs[0].path} ...): "
                f"{len(claim.earlier)} workers died on the same work ({', '.join(sorted(set(claim.earlier)))}); make "
                "sure that they have enough memory, then run again"
            )
        self._cache.refresh()
        cache, record = ClaimedCache(self._cache, claim), _Record()
        with _decoding(carefully=bool(claim.earlier)) as look:
            extraction = Extraction(jobs, self._image_dir, cache, record, look)
            extraction.run(self._open_network, self._size, lambda count: None, self._crew, self._fit)
        cache.flush()
        with claim.held():
            self._run.write_result(number, Result(record.read, extraction.found.unreadable, cache.added))

    def _open_network(self) -> _Reused:
        if self._network is None:
            self._network = _Reused(Network(self._backbone, self._engine))
        return self._network


@contextlib.contextmanager
def _decoding(carefully: bool) -> Iterator[Look]:
    """Decodes photos in this process, or in another if a worker has died over them before."""
    if not carefully:
        yield distortions.look
        return
    with contextlib.closing(Decoder()) as decoder:
        yield decoder.look


class _Reused:
    """A network whose runners, which are slow to open, stay with the threads that asked for them."""

    def __init__(self, network: Network):
        self.batch = network.batch
        self._open, self._opened = network.runner, threading.local()

    def runner(self) -> Run:
        if not hasattr(self._opened, "run"):
            self._opened.run = self._open()
        return self._opened.run


class _Record:
    """Stands in for PhotoDigests: knows no earlier photos, and collects what was read for the driver."""

    def __init__(self) -> None:
        self.read: list[tuple[str, str | None, str]] = []

    def get(self, path: str) -> None:
        return None

    def put(self, path: str, stamp: str | None, content: bytes) -> None:
        self.read.append((path, stamp, content.hex()))

    def save(self) -> None:
        pass
