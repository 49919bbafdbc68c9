"""The kinds of paths that flags take: a folder of photos, a classifier, a picture ..."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class PathKind:
    expected: str
    example: str
    is_folder: bool = False

    def read(self, word: str) -> str:
        """Raises ValueError for an empty word, the usual result of an unset shell variable."""
        if not word.strip():
            raise ValueError(f"expected {self.expected}")
        return expand(word)


@dataclass(frozen=True)
class PathList(PathKind):
    """Several paths, separated by commas."""

    def read(self, word: str) -> str:
        if not word.replace(",", "").strip():
            raise ValueError(f"expected {self.expected}")
        return expand_all(word)


PHOTOS = PathKind("a folder of photos", "my_photos", is_folder=True)
FOLDER = PathKind("a folder", "tf_files/my_folder", is_folder=True)
FILE = PathKind("a file", "tf_files/my_file.txt")
GRAPH = PathKind("a classifier's file", "tf_files/retrained_graph.pb")
LABELS = PathKind("a file of labels", "tf_files/retrained_labels.txt")
NAMES = PathKind("a JSON file", "names.json")
MODEL = PathKind("a file or a folder", "tf_files/model.keras")
NETWORK = PathKind("a network's name or its file", "efficientnet_lite0")
PICTURE = PathKind("a picture file", "tf_files/picture.png")
PAGE = PathKind("an HTML file", "tf_files/report.html")
RECORD = PathKind("a training's record", "tf_files/retrained_graph.json")
ANSWERS = PathKind("a file", "tf_files/answers.jsonl")
PICTURES = PathList("pictures, folders or patterns", "some.jpg")


def expand(word: str) -> str:
    """Replaces ~ and ~user by home folders, which shells do not do in --graph=~/graph.pb."""
    return os.path.expanduser(word)


def expand_all(word: str) -> str:
    """Replaces ~ after commas too, unless the whole word names a file."""
    return expand(word) if os.path.exists(expand(word)) else ",".join(map(expand, word.split(",")))
