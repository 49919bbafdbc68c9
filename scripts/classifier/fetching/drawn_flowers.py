"""Writes a folder of drawn flowers, so that everything can be tried where no photo can be fetched."""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..errors import UserError
from .flower_scenes import picture

# The labels of the real flower photos, so that one folder can take the other's place.
KINDS = ("daisy", "dandelion", "roses", "sunflowers", "tulips")


def draw(
    destination: Path, per_kind: int = 100, seed: int = 0, on_drawn: Callable[[int], None] | None = None
) -> dict[str, int]:
    """Writes `per_kind` JPEGs of each kind to destination/<kind>/ and returns how many each kind has.

    A picture depends on the seed, its kind and its number only. Pictures that are there already are
    left as they are. `on_drawn` is called with 1 after each picture.
    """
    destination = Path(destination)
    names = {kind: [f"{kind}_{number:04d}.jpg" for number in range(1, per_kind + 1)] for kind in KINDS}
    about = _about(per_kind, seed)
    counts = dict.fromkeys(KINDS, per_kind)
    if _is_complete(destination, names, about):
        return counts
    partial = destination.with_name(f".{destination.name}.{os.getpid()}.partial")
    try:
        _refuse_other_content(destination)
        for kind in KINDS:
            (partial / kind).mkdir(parents=True)
        tasks = [
            (partial / kind / name, kind, seed, number) for kind in KINDS for number, name in enumerate(names[kind], 1)
        ]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            try:
                for _ in pool.map(_write, *zip(*tasks, strict=True)):
                    if on_drawn is not None:
                        on_drawn(1)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        (partial / "README.txt").write_text(about, encoding="utf-8")
        if destination.is_dir():
            destination.rmdir()
        partial.rename(destination)
    except OSError as error:
        raise UserError(
            f"could not write drawn flowers to {destination}: {error.strerror or error}; "
            "make room or name another folder"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return counts


def _write(path: Path, kind: str, seed: int, number: int) -> None:
    picture(kind, seed, number).save(path, quality=88)


def _about(per_kind: int, seed: int) -> str:
    return (
        "These flowers are drawn by a program (scripts/classifier/drawn_flowers.py). They are not photographs.\n"
        "They let everything run where the real flower photos cannot be fetched; what a classifier\n"
        "learns from them says little about real flowers.\n\n"
        f"Kinds: {', '.join(KINDS)}. Pictures of each: {per_kind}. Seed: {seed}.\n"
        "Licence: as the program that drew them, Apache-2.0.\n"
    )


def _is_complete(destination: Path, names: dict[str, list[str]], about: str) -> bool:
    """The text is written last and the folder appears in one rename, so names are all there is to check."""
    readme = destination / "README.txt"
    if not readme.is_file() or readme.read_text(encoding="utf-8", errors="replace") != about:
        return False
    return all(
        (destination / kind).is_dir() and set(names[kind]) <= set(os.listdir(destination / kind)) for kind in KINDS
    )


def _refuse_other_content(destination: Path) -> None:
    if destination.is_dir() and not any(destination.iterdir()):
        return
    if destination.exists():
        raise UserError(
            f"{destination} holds something other than the drawn flowers asked for; "
            "expected nothing there: move it away or name another folder"
        )
