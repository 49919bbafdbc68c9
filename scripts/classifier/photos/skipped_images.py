"""The list of photos that could not be read, and why."""

from __future__ import annotations

from pathlib import Path

from .. import atomic_files
from ..errors import UserError
from .folders import Place


def write(file: Path, image_dir: Place, unreadable: dict[str, str], other_files: tuple[str, ...]) -> None:
    """One line a file: its path, a tab, the reason. The list of an earlier run goes."""
    reasons = {**unreadable, **dict.fromkeys(other_files, "not an image")}
    if reasons:
        lines = [f"{(image_dir / path).as_posix()}\t{reasons[path]}\n" for path in sorted(reasons)]
        atomic_files.write_text(file, "".join(lines))
    else:
        file.unlink(missing_ok=True)


def refuse_a_majority(unreadable: dict[str, str], total: int, image_dir: Place, file: Path) -> None:
    """A folder of mostly broken files is a mistake, and what is learnt from the rest would mislead."""
    if 2 * len(unreadable) > total:
        path, reason = next(iter(sorted(unreadable.items())))
        raise UserError(
            f"{len(unreadable)} of {total} photos in {image_dir} cannot be read ({path}: {reason}); all are listed in "
            f"{file}: replace or remove them and run again"
        )
