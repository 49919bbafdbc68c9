"""The file that lists unreadable photos, with the reasons."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .. import atomic_files
from ..errors import UserError
from ..plain_text import printable
from .folders import Place
from .wording import counted


def write(file: Path, image_dir: Place, unreadable: dict[str, str], other_files: Mapping[str, str]) -> None:
    """One line a file: its path, a tab, the reason, all printable. An earlier run's list is replaced or removed."""
    reasons = {**unreadable, **other_files}
    if reasons:
        rows = [((image_dir / path).as_posix(), reasons[path]) for path in sorted(reasons)]
        atomic_files.write_text(file, "".join(f"{printable(path)}\t{printable(reason)}\n" for path, reason in rows))
    else:
        file.unlink(missing_ok=True)


def refuse_a_majority(unreadable: dict[str, str], total: int, image_dir: Place, file: Path) -> None:
    """A folder of mostly broken files is a mistake, and training on the rest would mislead."""
    if 2 * len(unreadable) > total:
        path, reason = next(iter(sorted(unreadable.items())))
        raise UserError(
            f"{len(unreadable)} of {counted(total, 'photo')} in {image_dir} cannot be read ({path}: {reason}): replace "
            f"or remove those listed in {file}, then run again"
        )
