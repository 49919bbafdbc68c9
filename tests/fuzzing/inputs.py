"""The inputs of a target: the same for the same seed and number, on any day."""

from __future__ import annotations

import os
import pickle
import random
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from . import mutations
from .target import Files, Target

Made = TypeVar("Made")


@dataclass(frozen=True)
class Inputs:
    """Numbered from 0. The first are the samples as they are."""

    target: Target
    seed: int
    valid: int  # so many of the samples are to be read
    samples: list[Files]

    def make(self, number: int) -> Files:
        if number < self.valid:
            return self.samples[number]
        chance = random.Random(f"{self.target.name} {self.seed} {number}")
        files = dict(chance.choice(self.samples))
        for _ in range(chance.choice([1, 1, 1, 2, 3, 6])):
            name = chance.choice(sorted(files.keys() - self.target.spared))
            files[name] = self._damaged(name, files[name], chance)
        return self.target.seal(files)

    def _damaged(self, name: str, data: bytes, chance: random.Random) -> bytes:
        if self.target.own and chance.random() < 0.5:
            changed = chance.choice(self.target.own)(data, chance)
            if changed is not None:
                return changed[: mutations.MOST_BYTES]
        others = [sample[name] for sample in self.samples if name in sample]
        return mutations.mutate(data, others, chance)


def of(target: Target, seed: int) -> Inputs:
    valid, odd = made_apart(lambda: (list(target.samples()), list(target.odd())))
    return Inputs(target, seed, len(valid), valid + odd)


def made_apart(make: Callable[[], Made]) -> Made:
    """What `make` returns in a forked process: libraries that start threads there cannot disturb later forks."""
    with tempfile.TemporaryFile() as file:
        child = os.fork()
        if child == 0:
            try:
                pickle.dump(make(), file)
                file.flush()
                os._exit(0)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status == 0, f"making samples ended with {status}"
        file.seek(0)
        return pickle.load(file)
