"""Prints what a classifier says of pictures: as text, as JSON or as CSV."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..classifier.formats import answers
from ..classifier.formats.answers import Answer, Rank, SureSet
from ..classifier.formats.classifiers import Classifier
from ..classifier.plain_text import cell, json_line
from ..classifier.training import unknown
from . import command_line


@dataclass(frozen=True)
class Said:
    """What is said of a picture."""

    path: Path
    answer: Answer
    ranks: list[Rank]  # the highest scores
    sure: SureSet | None  # None: not asked for, or the picture is unknown

    @classmethod
    def of(cls, classifier: Classifier, path: Path, answer: Answer, top_k: int, percent: float | None) -> Said:
        return cls(path, answer, classifier.ranked(answer, top_k), classifier.sure_set(answer, percent))

    @property
    def unknown(self) -> list[str]:
        """The line for an unknown picture, printed before the labels: it is no label and has no score."""
        return [unknown.NAME] if self.answer.unknown else []


Print = Callable[[Said], None]


def text(several: bool, top_k: int) -> Print:
    """In the format of the original label_image; if there are several pictures, each under its path."""

    def print_one(said: Said) -> None:
        lines = [f"{name} (distance={said.answer.distance:.2f})" for name in said.unknown]
        lines += [f"{rank.name} (score={rank.score:.5f})" for rank in said.ranks]
        sure = [] if said.sure is None else [said.sure.describe()]
        first = len(said.unknown)
        lines = [*lines[:first], *sure, *lines[first:top_k]]
        command_line.print_safely(*([said.path, *lines, ""] if several else lines))

    return print_one


def json(named: bool) -> Print:
    """One object per line, so that readers need not wait for the last picture."""

    def print_one(said: Said) -> None:
        print(json_line({"image": str(said.path), **answers.as_json(said.answer, said.ranks, named, said.sure)}))

    return print_one


def table(named: bool, top_k: int, sure: bool) -> Print:
    """CSV: image, rank, label, score; whether the label belongs to the sure set; the label's name.

    A sure set is given whole, even if it has more than `top_k` labels.
    """
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["image", "rank", "label", "score", *(["sure"] if sure else []), *(["name"] if named else [])])

    def print_one(said: Said) -> None:
        members = () if said.sure is None else said.sure.ranks
        ranks = said.ranks if len(said.ranks) >= len(members) else list(members)
        rows = [(name, "", "", name) for name in said.unknown]
        rows += [(rank.label, f"{rank.score:.6f}", "yes" if rank in members else "no", rank.name) for rank in ranks]
        most = max(top_k, len(said.unknown) + len(members))
        for number, (label, score, member, name) in enumerate(rows[:most], 1):
            more = [*([member] if sure else []), *([cell(name)] if named else [])]
            writer.writerow([cell(said.path), number, cell(label), score, *more])

    return print_one
