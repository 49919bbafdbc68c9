"""The place of our own package (`scripts` or `poets`), for other processes that import it."""

import sys
from pathlib import Path

FOLDER = Path(sys.modules[__name__.partition(".")[0]].__path__[0])

# Must be on Python's path.
ROOT = FOLDER.parent
