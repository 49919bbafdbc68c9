"""The pixels of all photos: decoded once and kept in memory or on disk, or decoded every time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ... import machine
from ...errors import UserError
from ...photos import folders, image_lists, leaks, pixels, skipped_images
from ...photos.digests import digest
from ...photos.fitting import SQUEEZE
from ...photos.folders import Place
from ...photos.image_lists import ImageLists, Photo
from ...showing import Advance, Show
from .. import run_record, words
from .recipes import CnnRecipe

AUTO, MEMORY, DISK, NONE = KINDS = ("auto", "memory", "disk", "none")

# The share of free memory that pixels may take: training needs the rest.
_SHARE_OF_MEMORY = 0.5


class Pictures:
    """Photos by their paths, each as [side, side, 3] uint8."""

    def __init__(
        self, image_dir: Place, paths: Sequence[str], side: int, kind: str, cache_dir: Path, fit: str = SQUEEZE
    ):
        self.image_dir, self.paths, self.side, self.fit = image_dir, list(paths), side, fit
        shape = (len(paths), side, side, 3)
        self.megabytes = np.prod(shape) / 1e6
        self.kind = _decide(int(np.prod(shape)), kind)
        self._row_of = {path: row for row, path in enumerate(self.paths)}
        self._table = None
        if self.kind == MEMORY:
            self._table = np.empty(shape, np.uint8)
        elif self.kind == DISK:
            self._table = _on_disk(shape, cache_dir)
        self._pool = ThreadPoolExecutor(machine.cores())

    def rows(self, photos: Sequence[Photo]) -> np.ndarray:
        return np.array([self._row_of[photo.path] for photo in photos], np.int64)

    def fill(self, advance: Advance) -> tuple[dict[str, bytes], dict[str, str]]:
        """Decodes every photo. Returns a digest of each readable one, and the reason for each unreadable one."""
        digests, unreadable = {}, {}
        for path, answer in zip(self.paths, self._pool.map(self._fill_row, range(len(self.paths))), strict=True):
            advance(1)
            if isinstance(answer, str):
                unreadable[path] = answer
            else:
                digests[path] = answer
        return digests, unreadable

    def take(self, rows: np.ndarray) -> np.ndarray:
        """[len(rows), side, side, 3] uint8"""
        if self._table is not None:
            return self._table[rows]
        return np.stack(list(self._pool.map(self._decode_again, rows)))

    def _fill_row(self, row: int) -> bytes | str:
        try:
            data = folders.contents(self.image_dir / self.paths[row])
            square = pixels.decode(data, self.side, self.side, fit=self.fit)
        except pixels.UnreadableImage as error:
            return str(error)
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        if self._table is not None:
            self._table[row] = square
        return digest(data)

    def _decode_again(self, row: int) -> np.ndarray:
        path = self.image_dir / self.paths[row]
        try:
            return pixels.decode(folders.contents(path), self.side, self.side, fit=self.fit)
        except (OSError, pixels.UnreadableImage) as error:
            raise UserError(
                f"{path} cannot be read any more ({error}): do not move or change photos during training"
            ) from None


@dataclass(frozen=True)
class CnnExamples:
    """Photos, as rows of the pictures, with their labels."""

    pictures: Pictures
    rows: np.ndarray
    labels: np.ndarray  # int32
    paths: list[str]

    @classmethod
    def of(cls, photos: list[Photo], pictures: Pictures) -> CnnExamples:
        labels = np.array([photo.label for photo in photos], np.int32)
        return cls(pictures, pictures.rows(photos), labels, [photo.path for photo in photos])

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Decoded:
    """The readable photos, split into sets, with their pixels."""

    lists: ImageLists
    pictures: Pictures
    contents: dict[str, bytes]  # the digest of each photo
    unreadable: dict[str, str]

    @cached_property
    def keys(self) -> dict[str, list[bytes]]:
        """The digests as data_fingerprint takes them."""
        return {path: [content] for path, content in self.contents.items()}

    def without_leaks(self) -> Decoded:
        return replace(self, lists=leaks.without(self.lists, self.contents))

    @cached_property
    def fingerprint(self) -> str:
        """The same for the same photos in the same sets."""
        return run_record.data_fingerprint(self.keys, self.lists)

    def of(self, split: str) -> CnnExamples:
        return CnnExamples.of(self.lists.of(split), self.pictures)

    def describe(self, seconds: float, cache_dir: Path, skipped_file: Path) -> tuple[list[str], list[str]]:
        """Lines to print, and warnings."""
        places = {
            MEMORY: "kept in memory",
            DISK: f"kept on disk in {cache_dir}",
            NONE: "not kept: every epoch decodes them again",
        }
        kept = f"{self.pictures.megabytes:,.0f} MB {places[self.pictures.kind]}"
        said = f"decoded {len(self.keys)} photos in {seconds:.1f} s; {kept}"
        warnings = words.unreadable(len(self.unreadable), skipped_file)
        warnings += [*self.lists.double_warnings(self.keys), *leaks.warnings(self.lists, self.contents)]
        return [said], warnings


def decode(
    lists: ImageLists,
    recipe: CnnRecipe,
    kind: str,
    cache_dir: Path,
    percentages: tuple[float, float],
    skipped_file: Path,
    show: Show,
) -> Decoded:
    """Decodes all photos as the recipe says, leaves out unreadable ones, and splits the rest into sets."""
    paths = [photo.path for photo in lists.photos]
    pictures = Pictures(lists.image_dir, paths, recipe.image_size, kind, cache_dir, recipe.fit)
    with show(len(lists.photos)) as advance:
        digests, unreadable = pictures.fill(advance)
    skipped_images.write(skipped_file, lists.image_dir, unreadable, lists.other_files)
    skipped_images.refuse_a_majority(unreadable, len(lists.photos), lists.image_dir, skipped_file)
    if unreadable:
        lists = image_lists.deal(image_lists.without(lists, unreadable), *percentages)
    return Decoded(lists, pictures, digests, unreadable)


def _decide(size: int, kind: str) -> str:
    if kind != AUTO:
        return kind
    return MEMORY if size <= _SHARE_OF_MEMORY * machine.free_memory() else DISK


def _on_disk(shape: tuple[int, ...], folder: Path) -> np.ndarray:
    """An array in an unnamed file, which disappears with the process, even if that is killed."""
    size = int(np.prod(shape))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            # This fails if the disk is full. Writing to a mapped file would kill the process instead.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
            return np.memmap(file, np.uint8, "r+", shape=shape)
    except OSError as error:
        raise UserError(
            f"cannot keep {size / 1e6:,.0f} MB of pixels in {folder} ({error.strerror}): make room, name another "
            "--cache_dir, or give --cache=none"
        ) from None
