"""Where other processes find and import our own package, under whatever name it is installed."""

import sys
from pathlib import Path

FOLDER = Path(sys.modules[__name__.partition(".")[0]].__path__[0])

# Has to be on Python's path for the package to be found.
ROOT = FOLDER.parent
