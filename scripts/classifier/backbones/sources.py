"""Says where a pretrained network's file comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    url: str
    file: str  # its name in the model folder
    sha256: str | None = None
    md5: str | None = None
    size: int | None = None  # bytes, where known
