"""Makes a file appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from .errors import UserError


def write_bytes(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Writes to a temporary name in the same folder, which is made if need be, then renames."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    check(path)
    try:
        with temporary.open("wb") as file:
            for piece in [data] if isinstance(data, bytes) else data:
                file.write(piece)
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; give a place that can be written") from None
    finally:
        temporary.unlink(missing_ok=True)


def check(path: Path) -> None:
    """Refuses before long work what write_bytes would refuse after it."""
    if path.is_dir():
        raise UserError(f"cannot write {path}: it is a folder; give the name of a file")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
        temporary.unlink()
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; give a place that can be written") from None


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode("utf-8", "surrogateescape"))
