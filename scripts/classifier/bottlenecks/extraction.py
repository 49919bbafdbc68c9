"""Gets the bottleneck of every photo: from the cache if it is there, else from the network."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import numpy as np

from .. import machine
from ..backbones.backbone import MEAN, STD, Backbone
from ..backbones.engine import Engine
from ..backbones.network import Run
from ..errors import UserError
from ..photos import distortions, fitting, folders, pixels
from ..photos.digests import digest
from ..photos.distortions import View
from ..photos.folders import Place
from ..showing import Advance
from .cache import KEY_BYTES, BottleneckCache
from .crew import Crew, Once

# Part of every cache's identity: raise the number when a change makes the same photo give different pixels.
_PREPROCESSING = f"bilinear 1, mean {MEAN:g}, std {STD:g}"

_LOOKED_UP_AT_ONCE = 1 << 16


def open_cache(bottleneck_dir: Path, backbone: Backbone, engine: Engine) -> BottleneckCache:
    """The cache folder for this way of computing vectors: one for each backbone, arithmetic and preprocessing."""
    preprocessing = f"{backbone.fit} {_PREPROCESSING}"
    identity = "; ".join((backbone.fingerprint, str(backbone.input_size), preprocessing, engine.arithmetic))
    short = hashlib.sha256(identity.encode()).hexdigest()[:12]
    folder = bottleneck_dir / f"{backbone.name}-{short}"
    about = {"architecture": backbone.name, "precision": engine.arithmetic, "preprocessing": preprocessing}
    return BottleneckCache(folder, identity, backbone.bottleneck_size, about)


# A photo's bytes, the side of a square, some views and how it is made to fit -> each view as [side, side, 3] uint8.
Look = Callable[[bytes, int, list[View], str], list[np.ndarray]]


@dataclass(frozen=True)
class Job:
    path: str  # the photo, relative to the image folder
    views: tuple[View, ...]

    def keys(self, content: bytes) -> list[bytes]:
        """The key of each view, for a photo with this digest."""
        parts = (content + view.identity.encode() for view in self.views)
        return [hashlib.blake2b(part, digest_size=KEY_BYTES).digest() for part in parts]


@dataclass
class Found:
    """The keys of each photo's views, all in the cache now, and the reasons why other photos could not be read."""

    keys: dict[str, list[bytes]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)  # the digest of each photo with keys
    unreadable: dict[str, str] = field(default_factory=dict)
    computed: int = 0  # bottlenecks that were not cached before

    def put(self, path: str, content: bytes, keys: list[bytes]) -> None:
        self.keys[path], self.contents[path] = keys, content


class OpenNetwork(Protocol):
    """The part of `backbones.network.Network` that an extraction needs."""

    batch: int

    @property
    def runner(self) -> Callable[[], Run]: ...


class Cache(Protocol):
    """The part of `BottleneckCache` that an extraction needs."""

    added: int

    def __contains__(self, key: bytes) -> bool: ...

    def present(self, keys: Iterable[bytes]) -> np.ndarray: ...

    def add(self, keys: list[bytes], vectors: np.ndarray) -> None: ...


class Digests(Protocol):
    """The part of `PhotoDigests` that an extraction needs."""

    def get(self, path: str) -> bytes | None: ...

    def put(self, path: str, stamp: str | None, content: bytes) -> None: ...

    def save(self) -> None: ...


CacheUsed = TypeVar("CacheUsed", bound=Cache)


class Extraction(Generic[CacheUsed]):
    """Looks up photos whose content is known; `run` reads the others and runs the network if necessary."""

    def __init__(
        self,
        jobs: Iterable[Job],
        image_dir: Place,
        cache: CacheUsed,
        digests: Digests,
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
        for job, content, of_job in zip(jobs, contents, keys, strict=True):
            there = list(itertools.islice(present, len(of_job)))
            if content is not None and there and all(there):
                self.found.put(job.path, content, of_job)
            else:
                self.waiting.append(job)

    def run(
        self,
        open_network: Callable[[], OpenNetwork],
        size: int,
        advance: Advance,
        crew: Crew | None = None,
        fit: str = fitting.SQUEEZE,
    ) -> Found:
        """Computes everything that is waiting, by default with a new crew that keeps all cores busy.

        The network takes squares of `size` pixels a side, which photos are made to `fit` as one of fitting.FITS.
        `advance` is called with numbers of photos done. The first photo that needs the network opens it.
        """
        added_before, network = self.cache.added, Once(open_network)
        try:
            if self.waiting:
                with contextlib.ExitStack() as own:
                    if crew is None:
                        crew = own.enter_context(Crew(folders.readers(self.image_dir, machine.cores())))
                    crew.share(self.waiting, lambda: _Worker(self, network, size, fit), advance)
        finally:
            with contextlib.suppress(UserError):  # it would hide the error that matters; the next run reads again
                self.digests.save()
        self.found.computed += self.cache.added - added_before
        return self.found

    def read_waiting(self) -> None:
        """Reads the waiting photos without running the network, and drops those whose content is cached."""
        still: list[Job] = []
        for job in self.waiting:
            try:
                content = digest(folders.read(self.image_dir, job.path).data)
            except OSError:
                still.append(job)  # `run` will say why it is skipped
                continue
            keys = job.keys(content)
            if all(key in self.cache for key in keys):
                self.found.put(job.path, content, keys)
            else:
                still.append(job)
        self.waiting = still


# Computes what is waiting in an extraction; calls the function with numbers of photos done.
Extract = Callable[[Extraction[BottleneckCache], Advance], Found]


class _Worker:
    """One thread's work: reads and decodes photos and runs the network on them."""

    def __init__(self, extraction: Extraction, network: Once[OpenNetwork], size: int, fit: str):
        self._extraction, self._network, self._size, self._fit = extraction, network, size, fit
        self._batch: _Batch | None = None

    def do(self, job: Job) -> None:
        found, cache = self._extraction.found, self._extraction.cache
        try:
            photo = folders.read(self._extraction.image_dir, job.path)
            content = digest(photo.data)
            keys = job.keys(content)
            missing = [(key, view) for key, view in zip(keys, job.views, strict=True) if key not in cache]
            views = [view for _, view in missing]
            squares = self._extraction.look(photo.data, self._size, views, self._fit) if missing else []
        except pixels.UnreadableImage as error:
            found.unreadable[job.path] = str(error)
            return
        except OSError as error:
            found.unreadable[job.path] = f"cannot be read: {error.strerror}"
            return
        for (key, _), square in zip(missing, squares, strict=True):
            if self._batch is None:
                self._batch = _Batch(self._network(), self._size, cache)
            self._batch.add(key, square)
        self._extraction.digests.put(job.path, photo.stamp, content)
        found.put(job.path, content, keys)

    def finish(self) -> None:
        if self._batch is not None:
            self._batch.flush()


class _Batch:
    """Squares that go through the network together; their vectors go into the cache."""

    def __init__(self, network: OpenNetwork, size: int, cache: Cache):
        self._run, self._cache = network.runner(), cache
        self._pixels = np.zeros((network.batch, size, size, 3), np.float32)
        self._keys: list[bytes] = []

    def add(self, key: bytes, square: np.ndarray) -> None:
        self._pixels[len(self._keys)] = pixels.normalise(square, MEAN, STD)
        self._keys.append(key)
        if len(self._keys) == len(self._pixels):
            self.flush()

    def flush(self) -> None:
        if self._keys:
            vectors = self._run(self._pixels)[: len(self._keys)]
            if not np.isfinite(vectors).all():
                raise UserError("the network gave NaN or infinite values: its weights must be damaged")
            self._cache.add(self._keys, vectors)
            self._keys = []
