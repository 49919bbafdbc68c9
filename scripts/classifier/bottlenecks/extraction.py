"""Gives every photo its bottleneck: from the cache where it is there, through the network where it is not."""

from __future__ import annotations

import hashlib
import itertools
import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .. import machine
from ..backbones.backbone import MEAN, STD, Backbone
from ..backbones.network import Network, Run
from ..errors import UserError
from ..photos import distortions, folders, pixels
from ..photos.digests import PhotoDigests, digest
from ..photos.distortions import View
from .cache import KEY_BYTES, BottleneckCache

# Part of every cache's identity: to be raised when the same photo comes to give other pixels.
PREPROCESSING = f"squeeze bilinear 1, mean {MEAN:g}, std {STD:g}"

_LOOKED_UP_AT_ONCE = 1 << 16


def open_cache(bottleneck_dir: Path, backbone: Backbone, precision: str) -> BottleneckCache:
    """The cache folder for this way of making vectors. Another backbone, precision or preprocessing has another."""
    identity = "; ".join((backbone.fingerprint, str(backbone.input_size), PREPROCESSING, precision))
    short = hashlib.sha256(identity.encode()).hexdigest()[:12]
    return BottleneckCache(
        bottleneck_dir / f"{backbone.name}-{short}",
        identity,
        backbone.bottleneck_size,
        about={"architecture": backbone.name, "precision": precision, "preprocessing": PREPROCESSING},
    )


# A photo's bytes, the side of a square and some views -> each view as [side, side, 3] uint8.
Look = Callable[[bytes, int, list[View]], list[np.ndarray]]


@dataclass(frozen=True)
class Job:
    path: str  # of a photo, relative to the image folder
    views: tuple[View, ...]

    def keys(self, content: bytes) -> list[bytes]:
        """Those of the views, if this is the photo's content."""
        parts = (content + view.identity.encode() for view in self.views)
        return [hashlib.blake2b(part, digest_size=KEY_BYTES).digest() for part in parts]


@dataclass
class Found:
    """The key of each view of each photo, in the cache by now; and which photos could not be read, and why."""

    keys: dict[str, list[bytes]] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    computed: int = 0  # how many bottlenecks were not there before


class Extraction:
    """Looks up the photos whose content is known, then reads, and where need be runs, all others."""

    def __init__(
        self,
        jobs: Iterable[Job],
        image_dir: Path,
        cache: BottleneckCache,
        digests: PhotoDigests,
        look: Look = distortions.look,
    ):
        self.image_dir, self.cache, self.digests, self.look = image_dir, cache, digests, look
        self.found = Found()
        self.waiting: list[Job] = []
        jobs = iter(jobs)
        while some := list(itertools.islice(jobs, _LOOKED_UP_AT_ONCE)):
            self._look_up(some)

    def _look_up(self, jobs: list[Job]) -> None:
        contents = [self.digests.get(job.path) for job in jobs]
        keys = [[] if content is None else job.keys(content) for job, content in zip(jobs, contents, strict=True)]
        present = iter(self.cache.present(key for of_job in keys for key in of_job).tolist())
        for job, of_job in zip(jobs, keys, strict=True):
            there = list(itertools.islice(present, len(of_job)))
            if there and all(there):
                self.found.keys[job.path] = of_job
            else:
                self.waiting.append(job)

    def run(
        self,
        open_network: Callable[[], Network],
        size: int,
        advance: Callable[[int], None],
        crew: Crew | None = None,
    ) -> Found:
        """Deals with all that is waiting, by default with a crew of its own that keeps all cores busy.

        `advance` is called with numbers of photos done. The network is opened once the first photo needs it. On
        Ctrl-C, all that was computed is in the cache.
        """
        if self.waiting:
            added_before = self.cache.added
            try:
                if crew is None:
                    with Crew(folders.readers(self.image_dir, machine.cores())) as crew:
                        self._run_workers(open_network, size, advance, crew)
                else:
                    self._run_workers(open_network, size, advance, crew)
            finally:
                self.digests.save()
            self.found.computed += self.cache.added - added_before
        return self.found

    def read_waiting(self) -> None:
        """Reads the waiting photos, runs none: those whose content turns out to be known wait no more."""
        still: list[Job] = []
        for job in self.waiting:
            try:
                content = digest(folders.read(self.image_dir, job.path).data)
            except OSError:
                still.append(job)  # a run will say why it is skipped
                continue
            keys = job.keys(content)
            if all(key in self.cache for key in keys):
                self.found.keys[job.path] = keys
            else:
                still.append(job)
        self.waiting = still

    def _run_workers(self, open_network: Callable[[], Network], size: int, advance, crew: Crew) -> None:
        network = _Once(open_network)
        jobs = iter(self.waiting)
        taking = threading.Lock()
        stop = threading.Event()
        done: queue.SimpleQueue = queue.SimpleQueue()  # a number of photos, an exception, or None from each that ends

        def work() -> None:
            try:
                _Worker(self, network, size, lambda count: done.put(count)).run(take, stop)
            except BaseException as error:
                done.put(error)
            finally:
                done.put(None)

        def take() -> Job | None:
            with taking:
                return next(jobs, None)

        workers = crew.start(work)
        try:
            running = len(workers)
            while running:
                news = done.get()
                if news is None:
                    running -= 1
                elif isinstance(news, BaseException):
                    raise news
                else:
                    advance(news)
        finally:
            stop.set()
            wait(workers)


class Crew(ThreadPoolExecutor):
    """Threads that may serve one extraction after another."""

    def __init__(self, threads: int):
        super().__init__(threads)
        self._threads_wanted = threads

    def start(self, work: Callable[[], None]) -> list[Future]:
        """Each does the same work."""
        return [self.submit(work) for _ in range(self._threads_wanted)]


class _Worker:
    """One thread's work: read, decode, fill a batch, run it, keep the vectors."""

    def __init__(self, extraction: Extraction, network: _Once, size: int, report: Callable[[int], None]):
        self.extraction, self.network, self.size, self.report = extraction, network, size, report
        self.runner: Run | None = None
        self.keys: list[bytes] = []
        self.batch: np.ndarray | None = None

    def run(self, take: Callable[[], Job | None], stop: threading.Event) -> None:
        while not stop.is_set() and (job := take()) is not None:
            self._do(job)
            self.report(1)
        if not stop.is_set():
            self._flush()

    def _do(self, job: Job) -> None:
        found, cache = self.extraction.found, self.extraction.cache
        try:
            photo = folders.read(self.extraction.image_dir, job.path)
            content = digest(photo.data)
            keys = job.keys(content)
            missing = [(key, view) for key, view in zip(keys, job.views, strict=True) if key not in cache]
            views = [view for _, view in missing]
            squares = self.extraction.look(photo.data, self.size, views) if missing else []
        except pixels.UnreadableImage as error:
            found.unreadable[job.path] = str(error)
            return
        except OSError as error:
            found.unreadable[job.path] = f"cannot be read: {error.strerror}"
            return
        for (key, _), square in zip(missing, squares, strict=True):
            self._add(key, square)
        self.extraction.digests.put(job.path, photo.stamp, content)
        found.keys[job.path] = keys

    def _add(self, key: bytes, square: np.ndarray) -> None:
        if self.runner is None:
            network = self.network()
            self.runner = network.runner()
            self.batch = np.zeros((network.batch, self.size, self.size, 3), np.float32)
        self.batch[len(self.keys)] = pixels.normalise(square, MEAN, STD)
        self.keys.append(key)
        if len(self.keys) == len(self.batch):
            self._flush()

    def _flush(self) -> None:
        if self.keys:
            vectors = self.runner(self.batch)[: len(self.keys)]
            if not np.isfinite(vectors).all():
                raise UserError("the network gave values that are not numbers: its weights must be damaged")
            self.extraction.cache.add(self.keys, vectors)
            self.keys = []


class _Once:
    """Calls a function when the first thread asks, and gives all of them its result."""

    def __init__(self, function: Callable):
        self._function, self._lock, self._result = function, threading.Lock(), None

    def __call__(self):
        with self._lock:
            if self._result is None:
                self._result = self._function()
            return self._result
