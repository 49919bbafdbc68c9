"""Ray Data hands blocks to workers, as many as the cluster has room for, and gives what they say of each."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator

import ray
import ray.data

from .task import Task
from .worker import Worker

# How long an answer is waited for before another question is asked.
_SECONDS_BETWEEN_NEWS = 1.0

# So often Ray Data may fail before one more block is done.
_MOST_FAILURES = 2

_TRACKER, _SECONDS_TO_ANSWER = "ActorLocationTracker", 5.0
_ON_HEAD = "node:__internal_head__"


def outcomes(rows: list[dict], task: Task, workers: int) -> Iterator[dict]:
    """Of each block what Worker gives, in the order in which they come; a block may come twice.

    `workers` is how many there is room for now. There will be more if there is room for more later.
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
            raise  # by a mistake of ours, not for what a machine did
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
        Worker,  # type: ignore[arg-type]  # Ray takes classes, too, as its documentation says and its annotation does not
        fn_constructor_args=(task,),
        compute=pool,
        num_cpus=task.threads,
    )
    yield from done.iter_rows()


def _replace_lost_tracker() -> None:
    """Ray Data keeps an actor that knows where others are, and all drivers share it. It stays bound to the machine of
    the first of them, and when that is gone, nothing works any more until it is removed.
    """
    with contextlib.suppress(ValueError):  # there is none
        tracker = ray.get_actor(_TRACKER, namespace=_TRACKER)
        try:
            ray.get(tracker.get_actor_locations.remote(()), timeout=_SECONDS_TO_ANSWER)
        except ray.exceptions.RayError:
            ray.kill(tracker)


def outcomes_from_afar(rows: list[dict], task: Task, workers: int) -> Iterator[dict]:
    """The same for a driver outside of the cluster, which Ray Data wants to be driven from within."""
    # Ray's decorator adds `options`, and its annotation keeps silent about it.
    leader = _Leader.options(resources={_ON_HEAD: 0.001}).remote(rows, task, workers)  # type: ignore[attr-defined]
    while (news := ray.get(leader.news.remote())) is not None:
        yield from news


@ray.remote(num_cpus=0)
class _Leader:
    """Drives Ray Data on the cluster's head, without which there is no cluster anyway."""

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
        """What has come since the last time; None when nothing more will come."""
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
