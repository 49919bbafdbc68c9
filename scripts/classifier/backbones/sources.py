"""The download of a pretrained network: its address, checksum and size."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    url: str
    file: str  # its name in the model folder
    sha256: str | None = None
    md5: str | None = None
    size: int | None = None  # bytes; a download of another size is refused
    about_megabytes: int | None = None  # for display, if the exact size is not known
    estimated: bool = False  # about_megabytes was computed, not observed
    if_refused: str | None = None  # what to do if the server has no such file, or not for everybody

    @property
    def megabytes(self) -> int | None:
        return self.about_megabytes if self.size is None else round(self.size / 1e6)

    def within(self, model_dir: Path) -> Path:
        return model_dir / self.file


def digest(file: Path) -> str:
    """The file's sha256."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
