"""Reads inputs in a forked process with bounds, so that a crash inside a library is told and not suffered.

One process reads many inputs, up to its first finding. The bounds are Linux's.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import re
import resource
import select
import shutil
import signal
import tempfile
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from scripts.classifier.plain_text import printable

from .inputs import Inputs

READ, REFUSED, FINDING = "read", "refused", "finding"

# A reader that sleeps uses no processor time. A test machine may be this busy, but hardly busier.
_MOST_SILENCE = 120.0
# Beyond this, allocations fail, as terabytes do on an ordinary computer; what fits is measured.
_ADDRESS_SPACE = 3_000_000_000
# A terminal's screen holds a few of these lines.
_MOST_CHARACTERS = 1500
# Enough for the last stack that faulthandler prints.
_LOG_TAIL = 6000
# After the stack, faulthandler lists whatever was imported, which may be hundreds.
_MODULES = "Extension modules:"


@dataclass(frozen=True)
class Outcome:
    number: int
    kind: str
    place: str = ""  # the same for findings with the same cause
    why: str = ""


def outcomes(inputs: Inputs, numbers: Iterable[int]) -> Iterator[Outcome]:
    """One for each number, in order."""
    waiting = list(numbers) if not isinstance(numbers, range) else numbers
    while waiting:
        done = 0
        for outcome in _in_one_process(inputs, waiting):
            done += 1
            yield outcome
        waiting = waiting[done:]


def _in_one_process(inputs: Inputs, numbers: range | list[int]) -> Iterator[Outcome]:
    """At least one: up to the first finding, or all."""
    with tempfile.TemporaryDirectory(prefix="fuzzing-") as folder, tempfile.TemporaryFile() as log:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _become_reader(inputs, numbers, Path(folder), log, writing)
        os.close(writing)
        status = None
        try:
            done = 0
            with open(reading, "rb", buffering=0) as pipe:
                for line in _lines(pipe, child):
                    done += 1
                    yield Outcome(**json.loads(line))
            status = os.waitpid(child, 0)[1]
        finally:
            if status is None:  # nobody wants more
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code != 0:
            log.seek(0)
            told = log.read().decode("utf-8", "replace").rpartition(_MODULES)
            yield _death(numbers[done], code, (told[0] or told[2])[-_LOG_TAIL:], inputs.target.seconds)


def _lines(pipe: IO[bytes], child: int) -> Iterator[bytes]:
    rest = b""
    while True:
        if not select.select([pipe], [], [], _MOST_SILENCE)[0]:
            os.kill(child, signal.SIGABRT)  # faulthandler shows where it waits
        piece = pipe.read(1 << 16)
        if not piece:
            return
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines


def _become_reader(inputs: Inputs, numbers: Iterable[int], folder: Path, log: IO[bytes], writing: int) -> None:
    try:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        faulthandler.enable(log)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        faulthandler.register(signal.SIGPROF, log, chain=True)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (_pages(0) + _ADDRESS_SPACE, resource.RLIM_INFINITY))
        for number in numbers:
            outcome = _judged(inputs, number, folder)
            os.write(writing, json.dumps(asdict(outcome)).encode() + b"\n")
            if outcome.kind == FINDING:
                break
        os._exit(0)
    except BaseException:
        log.write(traceback.format_exc().encode())
        log.flush()
    finally:
        os._exit(1)


def _judged(inputs: Inputs, number: int, folder: Path) -> Outcome:
    target = inputs.target
    place = folder / "input"
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(place)
    for name, data in inputs.make(number).items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    before, peak_before = _pages(1), _peak()
    signal.setitimer(signal.ITIMER_PROF, target.seconds)
    try:
        target.read(place)
        outcome = Outcome(number, READ)
    except target.fine as error:
        outcome = _refusal(inputs, number, str(error))
    except BaseException as error:
        last = [each for each in traceback.extract_tb(error.__traceback__) if "/scripts/" in each.filename][-1:]
        where = "".join(f" at {each.filename.rpartition('/scripts/')[2]}:{each.lineno}" for each in last)
        outcome = Outcome(number, FINDING, type(error).__name__ + where, "".join(traceback.format_exception(error)))
    signal.setitimer(signal.ITIMER_PROF, 0)
    grown = (_peak() - before) / 1e6
    if _peak() > peak_before and grown > target.megabytes:
        return Outcome(number, FINDING, "memory", f"it takes {grown:.0f} MB: {outcome.kind} {outcome.why}")
    return outcome


def _refusal(inputs: Inputs, number: int, text: str) -> Outcome:
    if text != printable(text):
        return Outcome(number, FINDING, "unprintable text", f"it says {text!r}")
    if len(text) > _MOST_CHARACTERS:
        return Outcome(number, FINDING, "long text", f"it says {len(text)} characters: {text[:_MOST_CHARACTERS]}")
    if number < inputs.valid:
        return Outcome(number, FINDING, f"sample {number}", f"this sample should be read: {text}")
    return Outcome(number, REFUSED, why=text)


def _death(number: int, code: int, log: str, seconds: float) -> Outcome:
    name = signal.Signals(-code).name if code < 0 else f"status {code}"
    if code == -signal.SIGPROF:
        name = f"more than {seconds:g} s of processor time"
    if code == -signal.SIGABRT and "Timeout" not in log:
        name = f"SIGABRT, or silence of {_MOST_SILENCE:.0f} s"
    first = re.search(r'File "[^"]*/scripts/([^"]+)", line (\d+)', log)
    where = "" if first is None else f" at {first[1]}:{first[2]}"
    return Outcome(number, FINDING, name + where, f"the process ended: {name}\n{log}")


def _pages(which: int) -> int:
    """Bytes of this process: 0 for its address space, 1 for what is in memory."""
    return int(Path("/proc/self/statm").read_text().split()[which]) * resource.getpagesize()


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
