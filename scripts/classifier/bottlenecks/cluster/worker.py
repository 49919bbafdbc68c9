"""The worker that Ray starts in each process. It imports almost nothing, so it can report missing packages."""

from __future__ import annotations

import pickle
import socket
from typing import TYPE_CHECKING

import ray

from ... import invocation
from ...errors import UserError
from .task import Task

if TYPE_CHECKING:
    from .block_work import BlockWork


class Worker:
    """Ray calls it with one block of photos after another."""

    def __init__(self, task: Task):
        self._task = task
        self._work: BlockWork | None = None

    def __call__(self, row: dict) -> dict:
        """Takes {number, jobs, photos}, gives {number, photos, error}; `error` is empty if all went well."""
        try:
            if self._work is None:
                from .block_work import BlockWork

                self._work = BlockWork(self._task, _here())
            self._work.do(int(row["number"]), pickle.loads(row["jobs"]))
            error = ""
        except ModuleNotFoundError as missing:
            packages = f"{invocation.install('core')} && {invocation.install('cluster')}"
            error = f"has no package {missing.name}: {packages}"
        except OSError as problem:
            error = f"cannot use {problem.filename}: {problem.strerror}"
        except UserError as problem:
            error = str(problem)
        return {
            "number": row["number"],
            "photos": row["photos"],
            "error": f"the worker on {_here()} {error}" if error else "",
        }


def _here() -> str:
    return f"{socket.gethostname()} ({ray.util.get_node_ip_address()})"
