"""Ray Data hands blocks to workers, as many as the cluster has room for, and gives what they say of each."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import ray
import ray.data

from scripts.classifier.cluster.worker import Task, Worker

# How long an answer is waited for before another question is asked.
_SECONDS_BETWEEN_NEWS = 1.0


def outcomes(rows: list[dict], task: Task, workers: int) -> Iterator[dict]:
    """Of each block what Worker gives, in the order in which they come; a block may come twice.

    `workers` is how many there is room for now. There will be more if there is room for more later.
    """
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    pool = ray.data.ActorPoolStrategy(min_size=min(workers, len(rows)), max_size=len(rows))
    blocks = ray.data.from_items(rows, override_num_blocks=len(rows))
    yield from blocks.map(Worker, fn_constructor_args=(task,), compute=pool, num_cpus=task.threads).iter_rows()


def outcomes_from_afar(rows: list[dict], task: Task, workers: int) -> Iterator[dict]:
    """The same for a driver outside of the cluster, which Ray Data wants to be driven from within."""
    left = {row["number"]: row for row in rows}
    while left:
        leader = _Leader.remote(list(left.values()), task, workers)
        try:
            while (news := ray.get(leader.news.remote())) is not None:
                for outcome in news:
                    left.pop(outcome["number"], None)
                    yield outcome
        except ray.exceptions.RayActorError:
            continue  # its machine is gone: another one leads what is left
        break


@ray.remote(num_cpus=0)
class _Leader:
    """Drives Ray Data on a machine of the cluster."""

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
