"""The library behind the commands. It knows no flags, never exits the process and never prints.

    from scripts.classifier import load_classifier, process_image

is its public interface.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .formats.predictions import load_classifier, process_image

__all__ = ["load_classifier", "process_image"]


def __getattr__(name: str):
    """Imports on first use, so that importing other modules from here stays fast."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .formats import predictions

    return getattr(predictions, name)
