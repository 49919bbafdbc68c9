"""Hands blocks to workers through Ray Data, as many as the cluster has room for, and collects their reports."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator

import ray
import ray.data

from .task import Task
from .worker import Worker

# How long to wait for an answer before asking again.
_SECONDS_BETWEEN_NEWS = 1.0

# How many times Ray Data may fail without finishing another block.
_MOST_FAILURES = 2

_TRACKER, _SECONDS_TO_ANSWER = "ActorLocationTracker", 5.0
_ON_HEAD = "node:__internal_head__"


def outcomes(rows: list[dict], task: Task, workers: int) -> Iterator[dict]:
    """Worker's reports on the blocks, as they arrive; a block may be reported twice.

    `workers` is the number that there is room for now. If there is more room later, there will be more.
    """
    left = {row["number"]: row for row in rows}
    failures = 0
    while left:
        try:
            for outcome in _outcomes(list(left.values()), task, workers):
                left.pop(outcome["number"], None)
                failures = 0
                yield outcome
            return
        except ray.exceptions.RayTaskError:
            raise  # a bug in Poets, not the failure of a machine
        except ray.exceptions.RayError:
            failures += 1
            if failures > _MOST_FAILURES:
                raise
            _replace_lost_tracker()


def _outcomes(rows: list[dict], task: Task, workers: int) -> Iterator[dict]:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    pool = ray.data.ActorPoolStrategy(min_size=min(workers, len(rows)), max_size=len(rows))
    blocks = ray.data.from_items(rows, override_num_blocks=len(rows))
    done = blocks.map(
        Worker,  # type: ignore[arg-type]  # Ray also takes classes: its documentation says so, its annotation does not
        fn_constructor_args=(task,),
        compute=pool,
        num_cpus=task.threads,
    )
    yield from done.iter_rows()


def _replace_lost_tracker() -> None:
    """Removes the actor in which Ray Data notes where its other actors run, if it no longer answers.

    All drivers share it. It stays on the machine of the first driver, and once that is gone, nothing works until the
    actor is removed.
    """
    with contextlib.suppress(ValueError):  # there is none
        tracker = ray.get_actor(_TRACKER, namespace=_TRACKER)
        try:
            ray.get(tracker.get_actor_locations.remote(()), timeout=_SECONDS_TO_ANSWER)
        except ray.exceptions.RayError:
            ray.kill(tracker)


def outcomes_from_afar(rows: list[dict], task: Task, workers: int) -> Iterator[dict]:
    """`outcomes` for a driver outside the cluster: Ray Data has to be driven from inside."""
    # Ray's decorator adds `options`, which its annotation leaves out.
    leader = _Leader.options(resources={_ON_HEAD: 0.001}).remote(rows, task, workers)  # type: ignore[attr-defined]
    while (news := ray.get(leader.news.remote())) is not None:
        yield from news


@ray.remote(num_cpus=0)
class _Leader:
    """Drives Ray Data on the head of the cluster, which every cluster has."""

    def __init__(self, rows: list[dict], task: Task, workers: int):
        self._news: queue.SimpleQueue = queue.SimpleQueue()

        def lead() -> None:
            try:
                for outcome in outcomes(rows, task, workers):
                    self._news.put(outcome)
                self._news.put(None)
            except BaseException as error:
                self._news.put(error)

        threading.Thread(target=lead, daemon=True).start()

    def news(self) -> list[dict] | None:
        """Reports since the last call; None when there will be no more."""
        found = []
        try:
            found.append(self._news.get(timeout=_SECONDS_BETWEEN_NEWS))
            while True:
                found.append(self._news.get_nowait())
        except queue.Empty:
            pass
        for at, item in enumerate(found):
            if isinstance(item, BaseException):
                raise item
            if item is None:
                self._news.put(None)
                return found[:at] or None
        return found
