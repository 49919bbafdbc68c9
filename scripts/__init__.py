"""Poets: a folder of photos becomes an image classifier.

    from poets import load_classifier, process_image

opens what was trained. Each file beside this one is a command: `poets NAME` where Poets is installed,
`python -m scripts.NAME` in a clone.
"""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .classifier import load_classifier, process_image

__version__ = "0.1.0"
__all__ = ["__version__", "load_classifier", "process_image"]


def __getattr__(name: str):
    """Imports on first use: each command imports this package, and most need neither."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import classifier

    return getattr(classifier, name)


if sys.argv[:1] == ["-m"] and "-m" in sys.orig_argv:  # Python is about to run a module of this package
    from .console import start

    start.prepare(sys.orig_argv)
