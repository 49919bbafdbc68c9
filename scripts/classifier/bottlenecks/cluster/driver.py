"""Lets a cluster compute the waiting bottlenecks. The driver itself reads no photos and sees no vectors."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Callable

from ...backbones.backbone import Backbone
from ...errors import UserError, in_short
from ...photos import folders
from ...showing import Advance
from ..cache import BottleneckCache
from ..extraction import Extract, Extraction, Found, Job
from . import blocks, engine
from .run_folder import RunFolder
from .task import Task

# With more threads in a worker, the network is loaded less often; with fewer, less work is lost when the worker dies.
_MOST_THREADS = 4

# Called with a description of the cluster.
Tell = Callable[[str], None]


def extract_on(where: str, backbone: Backbone, precision: str, tell: Tell, threads: int | None = None) -> Extract:
    """Does on a cluster what `Extraction.run` does on this machine.

    `threads` is the number of processors for each worker; default: those of the smallest machine, at most four.
    """

    def extract(extraction: Extraction[BottleneckCache], advance: Advance) -> Found:
        if extraction.waiting:
            with engine.connected(where) as connection:
                tell(connection.words)
                _run(extraction, backbone, precision, advance, threads, connection.from_afar)
        return extraction.found

    return extract


def _run(
    extraction: Extraction[BottleneckCache],
    backbone: Backbone,
    precision: str,
    advance: Advance,
    threads: int | None,
    from_afar: bool,
) -> None:
    import ray

    from . import pipeline

    machines = engine.processors()
    if threads is None:
        threads = min([_MOST_THREADS, *machines]) if machines else 1
    workers = max(1, sum(size // threads for size in machines))
    image_dir, waiting = extraction.image_dir, extraction.waiting
    cut = list(blocks.cut(waiting, image_dir, workers, backbone.large))
    rows = [{"number": number, "photos": len(block), "jobs": pickle.dumps(block)} for number, block in enumerate(cut)]
    outcomes = pipeline.outcomes_from_afar if from_afar else pipeline.outcomes
    bottleneck_dir = extraction.cache.bottleneck_dir.absolute()
    with RunFolder.opened(bottleneck_dir, image_dir) as run:
        sample = waiting[0].path
        task = Task(
            image_dir=folders.absolute(image_dir),
            bottleneck_dir=str(bottleneck_dir),
            run=str(run.path),
            token=run.token,
            sample=sample,
            sample_stamp=folders.stamp(image_dir, sample),
            backbone=ray.put(pickle.dumps(backbone)),
            precision=precision,
            threads=threads,
        )
        undone = dict(enumerate(cut))
        try:
            for outcome in outcomes(rows, task, workers):
                if outcome["error"]:
                    raise UserError(outcome["error"])
                if _take_over(run, outcome["number"], undone, extraction):
                    advance(outcome["photos"])
        except ray.exceptions.RayTaskError:
            raise  # a bug in Poets
        except (ray.exceptions.RayError, ConnectionError) as error:
            raise UserError(f"Ray gave up ({in_short(error)}): run again; bottlenecks so far are kept") from error
        finally:
            for number in list(undone):  # some may be done although no message arrived
                _take_over(run, number, undone, extraction)
            extraction.digests.save()
    _check_complete(extraction, undone)


def _take_over(run: RunFolder, number: int, undone: dict[int, list[Job]], extraction: Extraction) -> bool:
    """Collects the result of a block; False if it was collected before, or there is none yet."""
    result = run.result(number) if number in undone else None
    if result is None:
        return False
    result.remember(extraction.digests)
    views = {job.path: job for job in undone.pop(number)}
    found = extraction.found
    for path, _, digest in result.read:
        content = bytes.fromhex(digest)
        found.put(path, content, views[path].keys(content))
    found.unreadable.update(result.unreadable)
    found.computed += result.computed
    return True


def _check_complete(extraction: Extraction[BottleneckCache], undone: dict[int, list[Job]]) -> None:
    cache = extraction.cache
    cache.refresh()
    keys = itertools.chain.from_iterable(extraction.found.keys.values())
    missing = sum(len(block) for block in undone.values()) + int((~cache.present(keys)).sum())
    if missing:
        raise UserError(
            f"the workers are done, but bottlenecks are missing from {cache.folder} ({missing}): make sure that it is "
            "the same folder on all machines, then run again"
        )
