"""Computes results ahead of their consumer, within a limit, so that a million photos are never decoded at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor, Future
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def results(pool: Executor, work: Callable[[Item], Result], items: Iterable[Item], ahead: int) -> Generator[Result]:
    """The results of `work` in the order of the items, with at most `ahead` of them in progress or waiting.

    pool.map would submit all items at once. Closing the generator cancels work that has not begun.
    """
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
