"""What can be fuzzed: a reader of outside data, with valid inputs and ways to damage them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.classifier.errors import UserError

# No file of a few kB needs a tenth of this. It is processor time, so that waiting for a busy machine does not count.
SECONDS = 10.0
# Small files may unpack to 64 MB, and a few copies of that are needed on the way from bytes to numbers.
MEGABYTES = 400

# The names and contents of an input's files. Most inputs are one file.
Files = Mapping[str, bytes]

# Damages one file; None if it is of a kind that this mutation does not know.
Mutation = Callable[[bytes, random.Random], bytes | None]


def _as_it_is(files: Files) -> Files:
    return files


@dataclass(frozen=True)
class Target:
    """Reading an input must return, or raise one of `fine` with one printable line; all else is a finding."""

    name: str
    samples: Callable[[], Sequence[Files]]  # small valid inputs; called in a process of its own
    read: Callable[[Path], object]  # given a folder that holds the input's files and nothing else
    inputs: int  # how many the tests try: about four seconds' worth
    own: tuple[Mutation, ...] = ()  # half of all mutations are these
    odd: Callable[[], Sequence[Files]] = tuple  # more inputs to damage, which may be refused as they are
    seal: Callable[[Files], Files] = _as_it_is  # mends checksums over a damaged input, so that it is read further
    spared: frozenset[str] = frozenset()  # files that are never damaged
    fine: tuple[type[Exception], ...] = (UserError,)
    imports: tuple[str, ...] = ()  # modules that take long to import; once is enough
    seconds: float = SECONDS
    megabytes: int = MEGABYTES


def alone(read: Callable[[Path], object]) -> Callable[[Path], object]:
    """The `read` of a target whose inputs are one file each."""

    def read_it(folder: Path) -> object:
        (path,) = folder.iterdir()
        return read(path)

    return read_it
