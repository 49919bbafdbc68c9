"""Writes a folder of drawn flowers, to try everything when no photos can be fetched."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .. import atomic_files, lookahead, machine
from ..errors import UserError
from ..showing import Show, nowhere
from .flower_scenes import picture

# The labels of the real flower photos, so that either folder can replace the other.
KINDS = ("daisy", "dandelion", "roses", "sunflowers", "tulips")

PER_KIND = 100

_ABOUT = "README.txt"
_DRAWN_BY = "Poets (its command fetch drawn_flowers)"
# Folders drawn by earlier versions say this instead.
_FORMERLY_DRAWN_BY = (
    "Poets (python -m scripts.fetch drawn_flowers)",
    "a program (scripts/classifier/drawn_flowers.py)",
)

_AHEAD_A_CORE = 4


def draw(destination: Path, per_kind: int = PER_KIND, seed: int = 0, show: Show = nowhere) -> dict[str, int]:
    """Writes `per_kind` JPEGs of each kind to destination/<kind>/ and returns the number of each kind.

    A picture depends only on the seed, its kind and its number. If all pictures are there, nothing is written.
    """
    destination = Path(destination)
    names = {kind: [f"{kind}_{number:04d}.jpg" for number in range(1, per_kind + 1)] for kind in KINDS}
    counts = dict.fromkeys(KINDS, per_kind)
    if _is_complete(destination, names, seed):
        return counts
    try:
        _refuse_other_content(destination)
        with atomic_files.folder(destination.with_name(f"{destination.name}.drawing")) as unfinished:
            if _is_complete(destination, names, seed):
                return counts  # another process drew them while this one waited
            _draw_all(unfinished, names, seed, show)
            (unfinished / _ABOUT).write_text(_about(per_kind, seed), encoding="utf-8")
            atomic_files.put(unfinished, destination)
    except OSError as error:
        raise UserError(
            f"cannot write drawn flowers to {destination} ({error.strerror or error}): "
            "make room, or give another folder"
        ) from error
    return counts


def _draw_all(folder: Path, names: dict[str, list[str]], seed: int, show: Show) -> None:
    def write(task: tuple[str, int, str]) -> None:
        kind, number, name = task
        picture(kind, seed, number).save(folder / kind / name, quality=88)

    for kind in KINDS:
        (folder / kind).mkdir()
    tasks = [(kind, number, name) for kind in KINDS for number, name in enumerate(names[kind], 1)]
    cores = machine.cores()
    with show(len(tasks)) as advance, ThreadPoolExecutor(cores) as pool:
        for _ in lookahead.results(pool, write, tasks, _AHEAD_A_CORE * cores):
            advance(1)


def _about(per_kind: int, seed: int, drawn_by: str = _DRAWN_BY) -> str:
    return (
        f"These flowers are drawn by {drawn_by}. They are not photographs.\n"
        "They let everything run where the real flower photos cannot be fetched; what a classifier\n"
        "learns from them says little about real flowers.\n\n"
        f"Kinds: {', '.join(KINDS)}. Pictures of each: {per_kind}. Seed: {seed}.\n"
        "Licence: as the program that drew them, Apache-2.0.\n"
    )


def _is_complete(destination: Path, names: dict[str, list[str]], seed: int) -> bool:
    """Checks only the text and the pictures' names, because the folder appears whole."""
    readme = destination / _ABOUT
    if not readme.is_file():
        return False
    per_kind = len(names[KINDS[0]])
    expected = [_about(per_kind, seed, drawn_by) for drawn_by in (_DRAWN_BY, *_FORMERLY_DRAWN_BY)]
    if readme.read_text(encoding="utf-8", errors="replace") not in expected:
        return False
    return all(
        (destination / kind).is_dir() and set(names[kind]) <= set(os.listdir(destination / kind)) for kind in KINDS
    )


def _refuse_other_content(destination: Path) -> None:
    if destination.is_dir() and not any(destination.iterdir()):
        return
    if destination.exists():
        raise UserError(
            f"{destination} is neither empty nor a complete folder of these flowers (with this number of each kind and "
            "this seed): give another folder, or move it away"
        )
