"""Bounds what compressed files may unpack to, before memory or disk is filled: a few kB can become gigabytes."""

import os
import zipfile
from typing import IO

# Photos, networks and lists of labels shrink to a half or a third, and hardly ever to a hundredth.
_MOST_TIMES = 100
# Below this nothing is harmed, so small files may consist of a single colour or of zeros.
_ALWAYS = 64_000_000
# zipfile unpacks what these packed in pieces of a limited size; of others, a few kB may become gigabytes at once.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class TooLarge(ValueError):
    """The text gives the reason, and fits into parentheses."""


def most(packed: int) -> int:
    """The bytes that a file of `packed` bytes may unpack to."""
    return max(_ALWAYS, _MOST_TIMES * packed)


def check(unpacked: int, packed: int) -> None:
    if unpacked > most(packed):
        raise TooLarge(
            f"its {packed / 1e3:,.1f} kB unpack to more than {most(packed) / 1e6:,.0f} MB, the most that is allowed"
        )


def check_zip(archive: zipfile.ZipFile, packed: int) -> None:
    """`packed` is the size of the whole file. zipfile never reads more of a member than it states."""
    members = archive.infolist()
    for each in members:
        if each.compress_type not in _METHODS:
            raise TooLarge(f"its {each.filename} is packed by another method than deflate, whose size has no bound")
    check(sum(each.file_size for each in members), packed)


def check_zip_file(file: IO[bytes]) -> None:
    """Leaves `file` at its start; zipfile.BadZipFile if it is none."""
    packed = file.seek(0, os.SEEK_END)
    with zipfile.ZipFile(file) as archive:
        check_zip(archive, packed)
    file.seek(0)
