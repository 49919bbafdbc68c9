"""A temporary folder that measurements share: photos, and a classifier trained on them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.tools import processes
from scripts.classifier.backbones import table
from scripts.classifier.backbones.backbone import Backbone
from scripts.classifier.errors import UserError
from scripts.classifier.photos import folders, image_lists
from scripts.classifier.photos.image_lists import ImageLists


@dataclass(frozen=True)
class Workbench:
    folder: Path
    photos: Path  # the originals: one folder of photos for each label
    model_dir: Path
    architecture: str
    count: int
    steps: int
    rounds: int

    @cached_property
    def image_dir(self) -> Path:
        """`count` photos, spread evenly over the labels, no two with the same content."""
        _copy(self.photos, self.folder / "photos", self.count)
        return self.folder / "photos"

    @cached_property
    def lists(self) -> ImageLists:
        return image_lists.scan(self.image_dir, 10, 10)

    @cached_property
    def backbone(self) -> Backbone:
        return table.load(self.architecture, self.model_dir)

    @cached_property
    def graph(self) -> Path:
        """A classifier, as the command writes it."""
        path = self.folder / "retrained_graph.pb"
        if not path.exists():
            processes.output(*self.retrain())
        return path

    def retrain(self) -> list[str]:
        """The command, with flags that keep its output in this folder."""
        places = {
            "output_graph": "retrained_graph.pb",
            "output_labels": "retrained_labels.txt",
            "summaries_dir": "summaries",
            "bottleneck_dir": "bottlenecks",
            "skipped_images": "skipped_images.txt",
            "intermediate_output_graphs_dir": "intermediate",
        }
        return [
            "-m",
            "scripts.retrain",
            f"--image_dir={self.image_dir}",
            f"--model_dir={self.model_dir.absolute()}",
            f"--architecture={self.architecture}",
            f"--how_many_training_steps={self.steps}",
            "--quiet",
            *(f"--{flag}={self.folder / place}" for flag, place in places.items()),
        ]

    def forget_bottlenecks(self) -> None:
        shutil.rmtree(self.folder / "bottlenecks", ignore_errors=True)


def _copy(photos: Path, into: Path, count: int) -> None:
    if not photos.is_dir():
        raise UserError(
            f"{photos} is not a folder: give --photos a folder that holds one folder of photos for each label"
        )
    labels = [
        folders.pictures_below(folder)
        for folder in sorted(photos.iterdir())
        if folder.is_dir() and not folder.name.startswith(".")
    ]
    if len(labels) < 2:
        raise UserError(
            f"{photos} holds {len(labels)} label folders, expected at least 2: give --photos another folder"
        )
    for number in range(count):
        label, turn = number % len(labels), number // len(labels)
        original = labels[label][turn % len(labels[label])]
        copy = into / str(label) / f"{turn:06d}{original.suffix}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        # Decoders stop at the end of the picture: bytes after it change the content but not the picture.
        copy.write_bytes(original.read_bytes() + b"copy %d" % number)
