"""Turns CIFAR-10's official archive into folders of PNGs: train/ and test/, each with a folder for each label."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .. import atomic_files, lookahead, machine
from ..errors import UserError, in_short
from ..showing import Show, nowhere
from . import archives, downloads, pickle_memory

TRAIN_BATCHES, TEST_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6)), ("test_batch",)
_LABELS, _TOP = "batches.meta", "cifar-10-batches-py"
_SIDE = 32
_AHEAD = 100  # pictures waiting to be written


@dataclass(frozen=True)
class Archive:
    url: str
    size: int
    md5: str


PUBLISHED = Archive(
    url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    size=170_498_071,
    md5="c58f30108f718f92721af3b95e74349a",
)


def fetch(
    destination: Path,
    published: Archive = PUBLISHED,
    *,
    patience: downloads.Patience | None = None,
    show_download: Show = nowhere,
    show_unpacking: Show = nowhere,
    show_writing: Show = nowhere,
) -> None:
    """Makes the folder, whole or not at all. The archive lies beside it until all pictures are written."""
    archives.check_free(destination)
    archive = downloads.fetch(
        published.url,
        _archive_of(destination),
        md5=published.md5,
        size=published.size,
        patience=patience,
        show=show_download,
    )
    try:
        with atomic_files.folder(_unfinished_of(destination)) as unfinished:
            archives.check_free(destination)
            batches, pictures = unfinished / "batches", unfinished / "pictures"
            archives.extract(archive, batches, top=_TOP, show=show_unpacking)
            _write(batches, pictures, show_writing)
            atomic_files.put(pictures, destination)
            archives.delete([archive])
    except OSError as error:
        raise UserError(
            f"cannot write pictures to {destination} ({error.strerror or error}): make room, or give another folder"
        ) from None


def tidy(destination: Path) -> None:
    """Deletes what `fetch` left if it was killed once all pictures were there."""
    archives.tidy(_unfinished_of(destination), [_archive_of(destination)])


def _archive_of(destination: Path) -> Path:
    return destination.with_name(f"{destination.name}.tar.gz")


def _unfinished_of(destination: Path) -> Path:
    return destination.with_name(f"{destination.name}.writing")


def _write(batches: Path, folder: Path, show: Show) -> None:
    labels = _label_names(batches / _LABELS)
    parts = {
        "train": [_batch(batches / name, labels) for name in TRAIN_BATCHES],
        "test": [_batch(batches / name, labels) for name in TEST_BATCHES],
    }
    for part in parts:
        for label in labels:
            (folder / part / label).mkdir(parents=True)
    tasks = [
        (folder / part / labels[label] / f"{number:05d}.png", picture)
        for part, both in parts.items()
        for number, (picture, label) in enumerate(pair for each in both for pair in zip(*each, strict=True))
    ]
    with show(len(tasks)) as advance, ThreadPoolExecutor(machine.cores()) as pool:
        for _ in lookahead.results(pool, lambda task: Image.fromarray(task[1]).save(task[0]), tasks, _AHEAD):
            advance(1)


def _label_names(file: Path) -> list[str]:
    held = _field(file, "label_names")
    labels = [_text(name) for name in held] if isinstance(held, list) else []
    if not labels or len(set(labels)) < len(labels) or not all(label.isidentifier() for label in labels):
        raise _damaged(file, "its labels cannot be names of folders")
    return labels


def _batch(file: Path, labels: list[str]) -> tuple[np.ndarray, list[int]]:
    """Pictures as [n, 32, 32, 3] uint8, and the label of each as an index."""
    data, numbers = _field(file, "data"), list(_field(file, "labels"))
    fits = isinstance(data, np.ndarray) and data.dtype == np.uint8 and data.shape == (len(numbers), 3 * _SIDE**2)
    if not fits or not all(isinstance(each, int) and 0 <= each < len(labels) for each in numbers):
        raise _damaged(file, "its pictures and labels are not as CIFAR-10 has them")
    return np.ascontiguousarray(data.reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1)), numbers


def _field(file: Path, name: str):
    """A value from a pickled dict. Python 2 wrote the official files, so text arrives as bytes."""
    try:
        with file.open("rb") as pickled:
            pickle_memory.check(pickled)
            held = _Plain(pickled, encoding="bytes").load()
    except FileNotFoundError:
        raise _damaged(file, "it is missing") from None
    except UserError:
        raise
    except Exception as error:
        # Damaged pickles raise all kinds of exceptions.
        raise _damaged(file, in_short(error)) from error
    found = {_text(key): value for key, value in held.items()} if isinstance(held, dict) else {}
    if name not in found:
        raise _damaged(file, f"it holds no {name}")
    return found[name]


def _text(word: object) -> str:
    return word.decode("ascii", "replace") if isinstance(word, bytes) else str(word)


def _damaged(file: Path, why: str) -> UserError:
    return UserError(f"{file.name} in CIFAR-10's archive cannot be read: {why}; delete the archive to fetch it again")


class _Plain(pickle.Unpickler):
    """Reads arrays and plain values only. A pickle may call any function, so all others are refused."""

    def find_class(self, module: str, name: str):
        asked = f"{module}.{name}".replace("numpy.core.", "numpy._core.")
        if asked in ("numpy.ndarray", "numpy.dtype"):
            return getattr(np, name)
        if asked == "numpy._core.multiarray._reconstruct":
            return np._core.multiarray._reconstruct  # type: ignore[attr-defined]  # private, so not in numpy's types
        if asked == "numpy._core.numeric._frombuffer":
            return np._core.numeric._frombuffer  # type: ignore[attr-defined]
        if asked == "_codecs.encode":  # Python 3 writes bytes for Python 2 in this way
            return _latin1
        raise UserError(f"this is not CIFAR-10's archive: a file in it asks for {in_short(asked)}; delete it")


def _latin1(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise ValueError(f"bytes in {encoding}")
    return text.encode("latin1")
