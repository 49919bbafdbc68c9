"""One line instead of a traceback if a package is missing, usually because the virtual environment is not active."""

import os
import sys
from pathlib import Path
from types import TracebackType

from ..classifier import invocation

_PACKAGE = __name__.partition(".")[0]
_CLONE = Path(__file__).parents[2]


def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Replaces sys.excepthook while a command is imported."""
    if isinstance(error, ModuleNotFoundError) and (package := named_by(error)):
        print(f"error: {remedy(package)}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def named_by(error: ModuleNotFoundError) -> str | None:
    """The missing package; None if the module is one of ours, which is a bug."""
    package = (error.name or "").partition(".")[0]
    return package if package and package != _PACKAGE else None


def remedy(package: str) -> str:
    """The message: which package is missing, and how to get it."""
    return f"the package {package} is not installed for {sys.executable}: {_next_step()}"


def _next_step() -> str:
    label_only = "; label_image with a .tflite file needs only ai-edge-litert, numpy and Pillow, and pi-heif for HEIC"
    if not (_CLONE / "setup.sh").exists():
        return f"run {invocation.install('core')}{label_only}"
    folder = "" if Path.cwd() == _CLONE else f"{_CLONE}{os.sep}"
    venv = _CLONE / ".venv"
    if not (venv / "bin" / "activate").exists() or Path(sys.prefix) == venv:
        return f"run `bash {folder}setup.sh`, which installs it{label_only}"
    return f"run `source {folder}.venv/bin/activate` and try again"
