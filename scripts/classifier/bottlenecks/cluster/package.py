"""Our own package, for other processes to find and import, by whatever name it is installed."""

import sys
from pathlib import Path

FOLDER = Path(sys.modules[__name__.partition(".")[0]].__path__[0])

# What has to be on Python's path for the package to be found.
ROOT = FOLDER.parent
