"""fetch, with a small collection of photos published in place of the large one.

python -m tests.support.fetch_of_few_photos URL SIZE SHA256 flower_photos ...
"""

import runpy
import sys

from scripts.classifier.fetching import photo_archives

if __name__ == "__main__":
    url, size, sha256, *words = sys.argv[1:]
    photo_archives.FLOWER_PHOTOS = photo_archives.PhotoArchive(url, int(size), sha256, "few_photos")
    sys.argv[1:] = words
    runpy.run_module("scripts.fetch", run_name="__main__", alter_sys=True)
