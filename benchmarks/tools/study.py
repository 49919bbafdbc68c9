"""Cross-validation: trains on most of the photos, several times, so that each is held out once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from scripts.classifier.backbones import table
from scripts.classifier.backbones.backbone import Backbone
from scripts.classifier.backbones.engine import PROCESSOR
from scripts.classifier.backbones.network import Network
from scripts.classifier.bottlenecks import extraction
from scripts.classifier.bottlenecks.gathering import Gathered, gather
from scripts.classifier.formats import classifiers
from scripts.classifier.formats.classifiers import Answer
from scripts.classifier.formats.contents import Contents
from scripts.classifier.formats.model import Wishes
from scripts.classifier.photos import fitting, image_lists
from scripts.classifier.photos.distortions import WHOLE
from scripts.classifier.photos.image_lists import ImageLists
from scripts.classifier.showing import nowhere
from scripts.classifier.training import accuracy, examples, retrained_graph, run_record
from scripts.classifier.training.examples import Examples
from scripts.classifier.training.final_layer import FinalLayer, Trainer
from scripts.classifier.training.recipe import Recipe

_OUTPUT = "final_result"
_PHOTOS_A_ROUND = 10
_MANY = 100  # enough pictures for a graph to run on its fastest engine


@dataclass(frozen=True)
class Study:
    """A folder of photos, and classifiers trained on its bottlenecks."""

    folder: Path
    photos: Path
    model_dir: Path
    architecture: str
    steps: int
    bottleneck: str = table.LAST
    views: int = 1
    fit: str = fitting.SQUEEZE
    hidden_units: tuple[int, ...] = ()

    @cached_property
    def backbone(self) -> Backbone:
        loaded = replace(table.load(self.architecture, self.model_dir), fit=self.fit)
        return table.seeing_more(loaded, self.bottleneck, self.views)

    @cached_property
    def network(self) -> Network:
        """Opened once, since opening takes longer than a few photos."""
        return Network(self.backbone, PROCESSOR)

    @cached_property
    def _gathered(self) -> tuple[Gathered, Examples]:
        cache = extraction.open_cache(self.folder / "bottlenecks", self.backbone, PROCESSOR)
        gathered = gather(
            image_lists.scan(self.photos, 0, 0),
            (WHOLE,),
            lambda waiting, advance: waiting.run(lambda: self.network, self.backbone.input_size, advance, fit=self.fit),
            cache,
            (0, 0),
            self.folder / "skipped.txt",
            nowhere,
        )
        return gathered, Examples.of(list(gathered.lists.photos), gathered.keys, cache)

    @property
    def lists(self) -> ImageLists:
        return self._gathered[0].lists

    def deal(self, folds: int) -> Iterator[np.ndarray]:
        """The rows of each fold; labels are spread evenly over them."""
        yield from (np.sort(held_out) for held_out, _ in examples.folds(self._gathered[1].labels, folds, seed=0))

    def rest(self, held_out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows for training and for validation: an eighth of the rest, about as many as retrain keeps."""
        rest = np.random.default_rng(1).permutation(np.setdiff1d(np.arange(len(self._gathered[1])), held_out))
        kept = max(1, len(rest) // 8)
        return rest[kept:], rest[:kept]

    def examples(self, rows: np.ndarray) -> Examples:
        return self._gathered[1].at(rows)

    def learn(self, training: Examples, validation: Examples) -> Trainer:
        recipe = Recipe(steps=self.steps, hidden_units=self.hidden_units)
        trainer = Trainer(training, validation, len(self.lists.labels), recipe)
        for _ in trainer.run():
            pass
        return trainer

    def right(self, folds: int) -> np.ndarray:
        """Which photos get the right label from a classifier trained on the other folds."""
        return np.concatenate([self._right(held_out) for held_out in self.deal(folds)])

    def _right(self, held_out: np.ndarray) -> np.ndarray:
        layer = self.learn(*map(self.examples, self.rest(held_out))).layer
        testing = self.examples(held_out)
        return layer.probabilities(testing.vectors.take(np.arange(len(testing)))).argmax(1) == testing.labels

    def contents(self, layer: FinalLayer, unknown: bytes | None = None) -> Contents:
        """A classifier as it is written."""
        return Contents(
            retrained_graph.join(self.backbone, layer, _OUTPUT),
            run_record.preprocessing(self.backbone, _OUTPUT),
            self.backbone.bottleneck_name,
            self.lists.labels,
            {"backbone": run_record.backbone(self.backbone, "float32")},
            unknown,
        )

    def timer(self) -> Callable[[], float]:
        """Measures the milliseconds of processor time that a photo takes, on the engine that retrain uses."""
        network, size = self.network, self.backbone.input_size
        run = network.runner()
        batch = np.random.default_rng(0).uniform(-1, 1, (network.batch, size, size, 3)).astype(np.float32)

        def measure() -> float:
            start = time.process_time()
            for _ in range(_PHOTOS_A_ROUND):
                run(batch)
            return 1000 * (time.process_time() - start) / _PHOTOS_A_ROUND / network.batch

        return measure

    def title(self, folds: int) -> str:
        lists = self.lists
        return (
            f"{self.architecture}, {len(lists.photos)} photos of {len(lists.labels)} labels, {folds} folds, "
            f"{self.steps} steps"
        )


def first_labels(path: Path, pictures: list[Path]) -> np.ndarray:
    """The number of each picture's likeliest label, according to a written classifier."""
    classifier = classifiers.load(path, None, Wishes(pictures=_MANY))
    answers = [answer for _, answer in classifier.label(pictures) if isinstance(answer, Answer)]
    return np.array([answer.scores.argmax() for answer in answers])


def share(right: int, total: int) -> str:
    """Two cells: the share that is right, and its 95 % interval."""
    low, high = accuracy.interval_95(right, total)
    return f"{100 * right / total:.1f} % | {100 * low:.1f} to {100 * high:.1f} %"


def gain(right: np.ndarray, before: np.ndarray) -> str:
    """In points, with its 95 % interval. Compares photo by photo: how hard a photo is adds no uncertainty."""
    differences = right.astype(float) - before
    half = 1.96 * differences.std(ddof=1) / np.sqrt(len(differences))
    mean = differences.mean()
    return f"{100 * mean:+.1f} ({100 * (mean - half):+.1f} to {100 * (mean + half):+.1f})"
