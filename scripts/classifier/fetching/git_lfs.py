"""Recognises what Git leaves in place of a large file that Git LFS has not fetched yet."""

from __future__ import annotations

# Every pointer is a short text that begins with this line.
_BEGINS = b"version https://git-lfs.github.com/spec/v1"

# What to say after the name of such a file.
WORDS = "a Git LFS pointer in place of the file: run `git lfs pull` to fetch it"


def is_pointer(head: bytes) -> bool:
    """True if a file that begins with these bytes is one; 64 are enough."""
    return head.startswith(_BEGINS)
