"""Runs pictures from many requests through the network in batches."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .. import machine
from ..formats.answers import Answer
from ..formats.classifiers import Classifier
from .room import Room

# A decoded picture waits at most this long for others that are being decoded.
LONGEST_WAIT = 0.005

# Pictures that a one-core runner takes at once; more would delay the first answers.
_MOST_ON_ONE_CORE = 8

# Encoded, or pixels of 0 to 255, [height, width, 3].
Picture = bytes | np.ndarray

# A picture without an answer has the reason instead: an UnreadableImage, or the classifier's error.
Outcome = Answer | Exception


@dataclass(frozen=True)
class Limits:
    waiting: int  # pictures
    pixels: int  # in one picture


class Full(Exception):
    """Too many pictures are waiting already."""


class Gone(Exception):
    """The client left before its picture was decoded; nobody sees this."""


@dataclass(frozen=True, slots=True)
class _Job:
    picture: Picture
    future: asyncio.Future  # of an Outcome


class Batches:
    """Decodes on every core, then runs the decoded pictures through the network together.

    If a run of the network uses all cores, it takes all pictures that are ready, up to model.batch. If it uses one,
    each core takes its share. Only for the thread of the event loop that made it, except `close`, which blocks.
    """

    def __init__(self, classifier: Classifier, limits: Limits, observe_batch: Callable[[int], None]):
        self.waiting = 0  # pictures accepted and not yet answered
        self._classifier, self._most_waiting, self._observe_batch = classifier, limits.waiting, observe_batch
        self.room = Room(limits.pixels)  # for all that decodes
        self._loop = asyncio.get_running_loop()
        self._incoming: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._ready: deque[tuple[_Job, np.ndarray]] = deque()
        self._decoding = 0  # pictures accepted and not yet decoded or refused
        self._changed = threading.Condition()
        self._closed = False
        cores = machine.cores()
        self._runners = cores if classifier.model.one_core else 1
        self._decoders = [threading.Thread(target=self._decode, daemon=True) for _ in range(cores)]
        runners = [threading.Thread(target=self._run, daemon=True) for _ in range(self._runners)]
        self._threads = [*self._decoders, *runners]
        for thread in self._threads:
            thread.start()

    async def look(self, pictures: Sequence[Picture]) -> list[Outcome]:
        """The outcomes, in the order of the pictures. Raises Full."""
        self.accept(len(pictures))
        jobs = [_Job(picture, self._loop.create_future()) for picture in pictures]
        with self._changed:
            self._decoding += len(jobs)
        for job in jobs:
            self._incoming.put(job)
        try:
            return [await job.future for job in jobs]
        finally:
            for job in jobs:
                job.future.cancel()  # if the client has gone, those not decoded yet are dropped

    def accept(self, pictures: int) -> None:
        """Counts pictures as waiting. Raises Full. What looks at them elsewhere has to `release` them."""
        if self.waiting + pictures > self._most_waiting:
            raise Full
        self.waiting += pictures

    def release(self, pictures: int) -> None:
        self.waiting -= pictures

    def close(self) -> None:
        """Accepts nothing more and waits until everything accepted is answered."""
        for _ in self._decoders:
            self._incoming.put(None)
        for thread in self._decoders:
            thread.join()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _decode(self) -> None:
        take = self._classifier.model.preprocessing
        while (job := self._incoming.get()) is not None:
            refused = None
            try:
                if job.future.cancelled():
                    raise Gone
                if isinstance(job.picture, bytes):
                    with self.room.admission() as admit:
                        picture = take.apply(job.picture, admit)
                else:
                    picture = take.normalise(job.picture)
            except Exception as error:
                refused = error  # any error goes to the client it concerns; this thread must live on
            with self._changed:
                self._decoding -= 1
                if refused is None:
                    self._ready.append((job, picture))
                self._changed.notify_all()
            if refused is not None:
                self._finish([job], [refused])

    def _run(self) -> None:
        run = self._classifier.model.open_runner()
        most = self._classifier.model.batch
        while batch := self._next_batch():
            jobs = [job for job, _ in batch]
            self._observe_batch(len(jobs))
            outcomes: list[Outcome] = []
            try:
                for at in range(0, len(batch), most):
                    pictures = np.stack([picture for _, picture in batch[at : at + most]])
                    outcomes += self._classifier.answers(run, pictures)
            except Exception as error:
                outcomes += [error] * (len(jobs) - len(outcomes))  # as in `_decode`
            self._finish(jobs, outcomes)

    def _next_batch(self) -> list[tuple[_Job, np.ndarray]]:
        """Empty once there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._closed)
            if self._classifier.model.one_core:
                count = min(_MOST_ON_ONE_CORE, -(-len(self._ready) // self._runners))
            else:
                self._wait_for_others()
                count = self._classifier.model.batch
            return [self._ready.popleft() for _ in range(min(count, len(self._ready)))]

    def _wait_for_others(self) -> None:
        until = time.monotonic() + LONGEST_WAIT
        while self._decoding and len(self._ready) < self._classifier.model.batch:
            if not self._changed.wait(until - time.monotonic()) or time.monotonic() >= until:
                return

    def _finish(self, jobs: list[_Job], outcomes: list[Outcome]) -> None:
        self._loop.call_soon_threadsafe(self._hand_out, jobs, outcomes)

    def _hand_out(self, jobs: list[_Job], outcomes: list[Outcome]) -> None:
        self.release(len(jobs))
        for job, outcome in zip(jobs, outcomes, strict=True):
            if not job.future.done():  # done if the client has gone
                job.future.set_result(outcome)
