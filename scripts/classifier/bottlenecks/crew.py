"""Threads that share work: each takes the next item when it has finished one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Generic, Protocol, TypeVar

from ..showing import Advance

Item = TypeVar("Item")
Taken = TypeVar("Taken", contravariant=True)
Result = TypeVar("Result")


class Member(Protocol[Taken]):
    """One thread's part in the work."""

    def do(self, item: Taken) -> None: ...

    def finish(self) -> None:
        """Called after the last item, unless something went wrong."""


class Crew(ThreadPoolExecutor):
    """Threads that can serve one extraction after another."""

    def __init__(self, threads: int):
        super().__init__(threads)
        self._size = threads

    def share(self, items: Iterable[Item], new_member: Callable[[], Member[Item]], advance: Advance) -> None:
        """Processes all items, with a new member in each thread; the first error ends everything."""
        left = iter(items)
        taking = threading.Lock()
        stop = threading.Event()
        # Numbers of items done, errors, and a None from each thread that ends.
        news: queue.SimpleQueue[int | BaseException | None] = queue.SimpleQueue()

        def take() -> Item | None:
            with taking:
                return next(left, None)

        def work() -> None:
            try:
                member = new_member()
                while not stop.is_set() and (item := take()) is not None:
                    member.do(item)
                    news.put(1)
                if not stop.is_set():
                    member.finish()
            except BaseException as error:
                news.put(error)
            finally:
                news.put(None)

        threads = [self.submit(work) for _ in range(self._size)]
        try:
            running = len(threads)
            while running:
                heard = news.get()
                if heard is None:
                    running -= 1
                elif isinstance(heard, BaseException):
                    raise heard
                else:
                    advance(heard)
        finally:
            stop.set()
            wait(threads)


class Once(Generic[Result]):
    """Calls a function when the first thread asks, and gives the result to every thread."""

    def __init__(self, function: Callable[[], Result]):
        self._function, self._lock = function, threading.Lock()
        self._result: Result | None = None

    def __call__(self) -> Result:
        with self._lock:
            if self._result is None:
                self._result = self._function()
            return self._result
